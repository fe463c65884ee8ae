import { once } from "node:events"
import { PassThrough } from "node:stream"
import { setImmediate } from "node:timers/promises"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { encodeFrame, parsePayload, readPayloads } from "../../native-host/framing.js"
import { createHandlers, type Handlers } from "../../native-host/handlers.js"
import type { HostLog } from "../../native-host/host-log.js"
import { runHost, type HostOptions } from "../../native-host/run-host.js"
import { utf8 } from "../../shared/bytes.js"
import { PspError } from "../../shared/errors.js"
import { helloFrame } from "./host-process.js"

let stdin: PassThrough
let stdout: PassThrough
let exited: Promise<number>
let listeners: number

beforeEach(() => {
  stdin = new PassThrough()
  stdout = new PassThrough()
  listeners = process.listenerCount("SIGTERM")
})
afterEach(async () => {
  stdin.destroy()
  await exited
  expect(process.listenerCount("SIGTERM")).toBe(listeners)
})

/** For hosts that nobody wants to hear of. */
const silentLog: HostLog = {
  record: () => undefined,
  flush: () => Promise.resolve(),
  crash: () => Promise.resolve(),
}

function run(options: HostOptions = {}, changed: Partial<Handlers> = {}): void {
  exited = new Promise((exit) => {
    const handlers = { ...createHandlers("/nonexistent", { PSP_STORE: "memory:" }), ...changed }
    runHost({ stdin, stdout, exit, handlers, log: silentLog, poll: 5, grace: 60_000, ...options })
  })
}

function ask(head: object, id = 1): void {
  stdin.write(encodeFrame({ id, seq: 0, last: true, head, data: "" }))
}

describe("host over streams", () => {
  it("answers hello and leaves when stdin ends", async () => {
    run()
    stdin.end(encodeFrame(helloFrame))
    expect(await exited).toBe(0)
    stdout.end()
    const frames: unknown[] = []
    for await (const payload of readPayloads(stdout)) frames.push(parsePayload(payload))
    expect(frames).toMatchObject([
      { id: 1, ack: 0 },
      { id: 1, seq: 0, last: true, head: { store: { kind: "memory", ok: true } } },
    ])
  })

  it("leaves when its parent is another one than at start", async () => {
    let parent = process.ppid
    run({ parentPid: () => parent })
    parent = 1
    expect(await exited).toBe(0)
  })

  it("leaves when its parent does not run any more, where nobody adopts orphans", async () => {
    run({ parentPid: () => 2 ** 22 + 1 })
    expect(await exited).toBe(0)
  })

  it("leaves when nothing comes, but not while it works", async () => {
    let finish: () => void = () => undefined
    const list: Handlers["list"] = () =>
      new Promise((resolve) => (finish = () => resolve({ answer: {}, body: utf8("[]") })))
    let looks = 0
    run({ idle: 20, parentPid: () => (looks++, process.ppid) }, { list })
    ask({ type: "list", prefix: "" })
    let isGone = false
    void exited.then(() => (isGone = true))
    await once(stdout, "data")
    while (looks < 20) await setImmediate()
    expect(isGone).toBe(false)
    finish()
    expect(await exited).toBe(0)
  })

  it("leaves with 1 when what comes is no frame, and says so first", async () => {
    run()
    stdin.write("this is not a frame")
    expect(await exited).toBe(1)
    const { value } = await readPayloads(stdout).next()
    expect(parsePayload(value ?? new Uint8Array())).toMatchObject({ id: 0, abort: { code: "bad-message" } })
  })

  it("waits for work in progress no longer than its grace", async () => {
    run({ grace: 30 }, { list: () => new Promise(() => undefined) })
    ask({ type: "list", prefix: "" })
    await once(stdout, "data")
    stdin.end()
    expect(await exited).toBe(0)
  })

  it("calls work off when the process is told to end", async () => {
    let isCalledOff = false
    const list: Handlers["list"] = (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          isCalledOff = true
          reject(new PspError("aborted", "Called off"))
        })
      })
    run({ grace: 60_000 }, { list })
    ask({ type: "list", prefix: "" })
    await once(stdout, "data")
    process.emit("SIGTERM")
    expect(await exited).toBe(0)
    expect(isCalledOff).toBe(true)
  })

  it("leaves when stdout breaks", async () => {
    run()
    stdout.destroy(new Error("EPIPE"))
    expect(await exited).toBe(0)
  })

  it("works on 4 requests at once and acknowledges the fifth when there is room", async () => {
    const begun: string[] = []
    const finish: (() => void)[] = []
    const list: Handlers["list"] = ({ prefix }) => {
      begun.push(prefix)
      return new Promise((resolve) => finish.push(() => resolve({ answer: {} })))
    }
    run({ grace: 30 }, { list })
    for (let id = 1; id <= 6; id++) ask({ type: "list", prefix: `v${id}` }, id)
    const payloads = readPayloads(stdout)
    const next = async () => parsePayload((await payloads.next()).value ?? new Uint8Array())
    for (let id = 1; id <= 4; id++) expect(await next()).toEqual({ id, ack: 0 })
    expect(begun).toEqual(["v1", "v2", "v3", "v4"])
    finish[0]?.()
    expect(await next()).toMatchObject({ id: 1, seq: 0, last: true })
    expect(await next()).toEqual({ id: 5, ack: 0 })
    expect(begun).toEqual(["v1", "v2", "v3", "v4", "v5"])
  })

  it("refuses a request whose id is still being answered, and calls off one that is given up", async () => {
    const signals: AbortSignal[] = []
    const list: Handlers["list"] = (_request, { signal }) => {
      signals.push(signal)
      return new Promise(() => undefined)
    }
    run({ grace: 30 }, { list })
    const payloads = readPayloads(stdout)
    const next = async () => parsePayload((await payloads.next()).value ?? new Uint8Array())
    ask({ type: "list", prefix: "" }, 7)
    expect(await next()).toEqual({ id: 7, ack: 0 })
    ask({ type: "list", prefix: "" }, 7)
    expect(await next()).toMatchObject({ id: 7, abort: { code: "bad-message" } })
    expect(signals).toHaveLength(1)
    stdin.write(encodeFrame({ id: 7, abort: { code: "aborted", message: "" } }))
    await new Promise((resolve) => signals[0]?.addEventListener("abort", resolve))
  })
})
