import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { encodeFrame, readPayloads } from "../../native-host/framing.js"
import { protocolVersion } from "../../shared/protocol.js"
import { hostProgram } from "../e2e/browser.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

/** From launch to the first reply, beside an empty ES module from launch to exit; and the peak of memory of both. */
export async function benchHostStart(rounds = 15): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "psp-bench-"))
  const empty = join(folder, "empty.mjs")
  await writeFile(empty, "")
  const memory = { host: [] as number[], empty: [] as number[] }
  try {
    const times = await interleave(rounds, {
      host: async () => {
        const { ms, megabytes } = await runHost(folder)
        memory.host.push(megabytes)
        return ms
      },
      empty: () => runEmpty(empty),
    })
    for (let round = 0; round < 5; round++) memory.empty.push(await peakOfEmpty(folder))
    const [host, peer] = [median(memory.host), median(memory.empty)]
    return [
      {
        name: "Host, launch to first reply (at most + 15 ms)",
        value: `${median(times.host).toFixed(1)} ms`,
        peer: `empty ES module ${median(times.empty).toFixed(1)} ms`,
        difference: `${signed(median(times.host) - median(times.empty))} ms`,
        ratio: null,
        limit: null,
        range: rangeOf(times.host),
      },
      {
        name: "Host, peak memory at that point (at most + 20 MB)",
        value: `${host.toFixed(1)} MB`,
        peer: `empty ES module ${peer.toFixed(1)} MB`,
        difference: `${signed(host - peer)} MB`,
        ratio: null,
        limit: null,
        range: `${Math.min(...memory.host).toFixed(1)}–${Math.max(...memory.host).toFixed(1)} MB`,
      },
    ]
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function runHost(home: string): Promise<{ ms: number; megabytes: number }> {
  const started = performance.now()
  const child = spawn(process.execPath, [hostProgram], { env: { PATH: process.env["PATH"], PSP_HOME: home } })
  const hello = { type: "hello", protocol: protocolVersion, version: "0.0.0" }
  child.stdin.write(encodeFrame({ id: 1, seq: 0, last: true, head: hello, data: "" }))
  for await (const payload of readPayloads(child.stdout)) {
    if (!new TextDecoder().decode(payload).includes('"head"')) continue
    const ms = performance.now() - started
    const megabytes = await peakOf(child.pid)
    child.stdin.end()
    await new Promise((resolve) => child.once("close", resolve))
    return { ms, megabytes }
  }
  throw new Error("The host did not answer")
}

async function runEmpty(file: string): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, [file], { stdio: "ignore" })
  await new Promise((resolve) => child.once("exit", resolve))
  return performance.now() - started
}

/** An empty module that stays until its peak was read. */
async function peakOfEmpty(folder: string): Promise<number> {
  const file = join(folder, "waiting.mjs")
  await writeFile(file, 'process.stdin.resume(); process.stdout.write("x")')
  const child = spawn(process.execPath, [file])
  await new Promise((resolve) => child.stdout.once("data", resolve))
  const megabytes = await peakOf(child.pid)
  child.kill()
  return megabytes
}

async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, "utf8")
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"} ${Math.abs(value).toFixed(1)}`
}
