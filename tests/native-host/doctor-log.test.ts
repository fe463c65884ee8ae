import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { meaningOf } from "../../native-host/code-meanings.js"
import { exitByCode, type ErrorCode } from "../../shared/errors.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp } from "./psp.js"

const nobodysPid = 2 ** 22 + 1

let home: string
beforeEach(async () => {
  home = await temporaryFolder()
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function psp(args: string[], env: Record<string, string> = {}) {
  return runPsp(args, { HOME: home, PSP_HOME: home, ...env })
}

/** The lines of `psp doctor` about the log and the crashes, with the advice under them. */
async function told(env: Record<string, string> = {}): Promise<string> {
  const { out } = await psp(["doctor"], env)
  return out.slice(out.search(/^(?:ok|note|FAIL) +host log/m))
}

async function write(name: string, lines: (object | string)[]): Promise<void> {
  await mkdir(join(home, "log"), { recursive: true })
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
  await writeFile(join(home, "log", name), texts.map((text) => `${text}\n`).join(""))
}

const at = (minute: number) => `2027-01-31T12:${String(minute).padStart(2, "0")}:00.000Z`
const line = (minute: number, event: string, more: object = {}, pid = nobodysPid) => ({
  time: at(minute),
  pid,
  event,
  ...more,
})

describe("psp doctor and the log of the host", () => {
  it("says where the log is when no host has started", async () => {
    expect(await told()).toBe(`ok    host log: no browser has started the host yet; ${join(home, "log/host.jsonl")}\n`)
  })

  it("tells the last start, and each error with its count and what it means, from all files of the log", async () => {
    await write("host.jsonl.1", [
      line(1, "start", { version: "0.0.9", store: "file" }),
      line(2, "end", { type: "put", code: "denied" }),
      line(3, "leave", { why: "idle" }),
    ])
    await write("host.jsonl", [
      line(4, "start", { version: "0.1.0", store: "s3" }),
      line(5, "hello", { store: "s3", code: "unreachable" }),
      line(6, "end", { type: "put", code: "unreachable" }),
      line(7, "end", { type: "get", code: "aborted" }),
      line(8, "leave", { why: "stdin-ended" }),
    ])
    expect(await told()).toBe(
      [
        `ok    host log: last start at ${at(4)}, version 0.1.0, store s3; 2 starts, 3 requests in ${join(home, "log/host.jsonl")}`,
        `note  host log: unreachable 2 times, last at ${at(6)}`,
        "      the store did not answer; is its disk, network or server there?",
        `note  host log: denied once, last at ${at(2)}`,
        "      the store or its folder may not be used; look at its permissions or credentials",
        "",
      ].join("\n"),
    )
  })

  it("notices hosts that ended without a word, and not one that still runs", async () => {
    await write("host.jsonl", [
      line(1, "start"),
      line(2, "start"),
      line(3, "start", {}, process.pid),
      line(4, "start", {}, nobodysPid + 1),
      line(5, "leave", {}, nobodysPid + 1),
    ])
    expect(await told()).toContain("note  host log: ended without a word 2 times\n")
  })

  it("fails while there is a crash report, and names it", async () => {
    await write("crash-20270131T120000000Z-41.json", ["{}"])
    await write("crash-20270131T120100000Z-7.json", ["{}"])
    const path = join(home, "log", "crash-20270131T120100000Z-7.json")
    expect(await told()).toContain(`FAIL  host crashes: 2 reports, the newest is ${path}\n`)
    const { log } = JSON.parse((await psp(["doctor", "--json"])).out) as { log: { crashes: string[] } }
    expect(log.crashes).toHaveLength(2)
  })

  it("shows nothing of lines that no host wrote", async () => {
    const foreign = "\u001b[31mforeign"
    await write("host.jsonl", [
      foreign,
      `{"time":"${foreign}`,
      { time: foreign, pid: 1, event: "start" },
      line(1, "start", { version: foreign, store: foreign }),
      line(2, "end", { code: foreign }),
      line(3, "leave"),
    ])
    await write(`crash-foreign.json`, ["{}"])
    const said = await told()
    expect(said).not.toContain("foreign")
    expect(said).toContain(`last start at ${at(1)}, version unknown, store unknown`)
    expect(said).toContain(`internal once, last at ${at(2)}`)
  })

  it("has a meaning for every code", () => {
    for (const code of Object.keys(exitByCode) as ErrorCode[]) expect(meaningOf(code)).toMatch(/^[a-z].{8,}[^.]$/)
  })
})

describe("psp config and the log of the host", () => {
  it("sets its level beside the store, and doctor says so", async () => {
    const store = `file://${join(home, "vault")}`
    expect((await psp(["config", "set", "store", store])).code).toBe(0)
    expect(await psp(["config", "set", "log", "off"])).toMatchObject({ code: 0, out: "log off\n" })
    expect(JSON.parse(await readFile(join(home, "config.json"), "utf8"))).toMatchObject({ store, log: "off" })
    expect((await psp(["config", "get"])).out).toBe(`store ${store}\nlog off\n`)
    expect(await told()).toBe("note  host log: switched off\n      psp config set log info\n")
    expect(await told({ PSP_LOG: "error" })).toContain("only errors are written down")
  })

  it("refuses a level that is none", async () => {
    expect(await psp(["config", "set", "log", "loud"])).toMatchObject({
      code: 2,
      err: "psp: Cannot set the log: expected one of off, error, info\n",
    })
  })
})
