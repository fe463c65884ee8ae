import { spawn } from "node:child_process"
import { once } from "node:events"
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import type { Readable, Writable } from "node:stream"
import { setTimeout as wait } from "node:timers/promises"
import { encodeFrame, parsePayload, readPayloads } from "../../native-host/framing.js"

/**
 * Stands between a browser and the real host (PSP_REAL), and lets as many frames of a conversation pass, both ways counted
 * together, as the file `hold` in PSP_HOME says. Then it writes `held` and stands still until `hold` is gone. Every frame
 * that passed is a line in `frames`: this process, and what was asked for.
 */
const { PSP_HOME: home = "", PSP_REAL: real = "" } = process.env
const inHome = (name: string) => path.join(home, name)

let passed = 0
const host = spawn(process.execPath, [real], { stdio: ["pipe", "pipe", "inherit"] })
host.stdin.on("error", () => undefined)
process.stdout.on("error", () => undefined)
host.once("close", () => process.exit(0))

await Promise.all([
  pass(process.stdin, host.stdin).finally(() => host.stdin.end()),
  pass(host.stdout, process.stdout),
]).catch(() => host.kill("SIGKILL"))

async function pass(from: Readable, to: Writable): Promise<void> {
  for await (const payload of readPayloads(from)) {
    const frame = parsePayload(payload) as { head?: { type?: string } }
    await standStill()
    passed++
    appendFileSync(inHome("frames"), `${process.pid} ${frame.head?.type ?? ""}\n`)
    if (!to.write(encodeFrame(frame))) await once(to, "drain")
  }
}

async function standStill(): Promise<void> {
  while (existsSync(inHome("hold")) && passed >= allowed()) {
    writeFileSync(inHome("held"), "")
    await wait(20)
  }
}

function allowed(): number {
  try {
    return Number(readFileSync(inHome("hold"), "utf8"))
  } catch {
    // It is gone: everything may pass.
    return Infinity
  }
}
