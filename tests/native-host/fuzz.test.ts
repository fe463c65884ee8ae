import { createHash } from "node:crypto"
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import { createConversation } from "../../native-host/conversation.js"
import { encodeFrame, parsePayload, readPayloads } from "../../native-host/framing.js"
import { createHandlers } from "../../native-host/handlers.js"
import { isPspError } from "../../shared/errors.js"
import { maxFrameBytes, type Frame } from "../../shared/protocol.js"
import { isObjectName } from "../../shared/provider.js"
import { folderOf, testObject, vaultOf } from "../contracts/provider-contract.js"
import { bundle, temporaryFolder } from "./bundle.js"
import { helloFrame, startHost } from "./host-process.js"

const count = 10_000
const good = Array.from({ length: 20 }, (_, i) => testObject(folderOf(`s${i % 4}`), 10 + i * 37))

let folder: string
let home: string

beforeAll(async () => {
  folder = await temporaryFolder()
  home = join(folder, "a", "b", "home")
  await mkdir(home, { recursive: true })
  await writeFile(join(folder, "sentinel"), "untouched")
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it(`answers ${count} fuzzed frames without a crash, a rejection or a file outside the vault`, async () => {
  const unhandled: unknown[] = []
  const onUnhandled = (error: unknown) => unhandled.push(error)
  process.on("unhandledRejection", onUnhandled)
  const posted: Frame[] = []
  let acknowledged = 0
  const conversation = createConversation(createHandlers(home, {}), (frame) => {
    expect(Buffer.byteLength(JSON.stringify(frame))).toBeLessThanOrEqual(maxFrameBytes)
    posted.push(frame)
    if ("seq" in frame) queueMicrotask(() => conversation.receive({ id: frame.id, ack: frame.seq }))
    if ("ack" in frame) acknowledged++
  })
  const random = createRandom(1)
  for (let i = 0; i < count; i++) {
    try {
      conversation.receive(parsePayload(fuzzedPayload(random)))
    } catch (error) {
      if (!isPspError(error, "bad-message")) throw error
    }
    if (i % 50 === 0) await setImmediate()
  }
  while (conversation.isBusy()) await setImmediate()
  await setImmediate()
  process.off("unhandledRejection", onUnhandled)

  expect(unhandled).toEqual([])
  expect(acknowledged).toBeGreaterThan(count / 10)
  expect(posted.filter((frame) => "abort" in frame).length).toBeGreaterThan(count / 10)
  expect(posted.filter((frame) => "head" in frame && "error" in (frame.head ?? {})).length).toBeGreaterThan(100)
  await expectOnlyOurs()
}, 60_000)

it(`keeps a real host up through ${count} fuzzed payloads`, async () => {
  const script = await bundle(folder, "psp-host.mjs", [`import "./native-host/host.ts"`])
  const host = startHost(script, { PSP_HOME: home })
  // Answers of slower requests may come right behind it.
  let isAnswered = false as boolean
  const reading = (async () => {
    for await (const payload of readPayloads(host.stdout)) {
      const frame = parsePayload(payload) as { id: number; seq?: number }
      if (frame.seq === undefined) continue
      isAnswered ||= frame.id === 0x7fffffff
      if (!host.stdin.writableEnded) host.stdin.write(encodeFrame({ id: frame.id, ack: frame.seq }))
    }
  })()
  const random = createRandom(2)
  for (let i = 0; i < count; i++) {
    const payload = fuzzedPayload(random)
    host.stdin.write(Buffer.concat([Buffer.from(Uint32Array.of(payload.length).buffer), payload]))
    if (i % 50 === 0) await setImmediate()
  }
  host.stdin.write(encodeFrame({ ...helloFrame, id: 0x7fffffff }))
  while (!isAnswered) await setImmediate()
  host.stdin.end()
  await reading
  expect(await host.exited).toEqual({ code: 0, signal: null })
  expect(host.stderr()).toBe("")
  await expectOnlyOurs()
}, 60_000)

/** Everything on the disk is an object with a good name and the right bytes, and everything around it is as it was. */
async function expectOnlyOurs(): Promise<void> {
  expect((await readdir(folder)).filter((name) => name !== "psp-host.mjs").sort()).toEqual(["a", "sentinel"])
  expect(await readFile(join(folder, "sentinel"), "utf8")).toBe("untouched")
  expect(await readdir(join(folder, "a"))).toEqual(["b"])
  expect(await readdir(join(folder, "a", "b"))).toEqual(["home"])
  expect((await readdir(home)).filter((name) => name !== "offers" && name !== "log")).toEqual(["vault"])
  expect(await readdir(join(home, "vault", ".partial"))).toEqual([])
  const vault = join(home, "vault")
  let stored = 0
  for (const path of await readdir(vault, { recursive: true })) {
    if (path === ".partial") continue
    expect(isObjectName(path)).toBe(true)
    if ((await lstat(join(vault, path))).isDirectory()) continue
    // A flipped byte may make another good name; the digest in it still has to be that of the bytes.
    const digest = createHash("sha256")
      .update(await readFile(join(vault, path)))
      .digest("hex")
    expect(path.split("-").at(-1)).toBe(`${digest.slice(0, 32)}.psp`)
    stored++
  }
  expect(stored).toBeGreaterThan(0)
}

type Random = (below: number) => number

/** Good requests, requests with one thing wrong, frames with one thing wrong, any JSON, any bytes. */
function fuzzedPayload(random: Random): Buffer {
  const json = () => Buffer.from(JSON.stringify(fuzzedFrame(random)))
  const kind = random(10)
  if (kind === 0) return Buffer.from(Array.from({ length: random(200) }, () => random(256)))
  if (kind === 1) return Buffer.from(JSON.stringify(anyJson(random, 4)))
  const payload = json()
  if (kind === 2) payload[random(payload.length)] = random(256)
  if (kind === 3) return payload.subarray(0, random(payload.length))
  return payload
}

function fuzzedFrame(random: Random): unknown {
  const id = 1 + random(1_000_000)
  const frame: Record<string, unknown> = {
    id,
    seq: random(8) === 0 ? random(4) : 0,
    last: random(10) !== 0,
    head: fuzzedHead(random),
    data: random(3) === 0 ? "x".repeat(random(2000)) : "",
  }
  if (random(2) === 0) {
    const { name, bytes } = pick(random, good)
    Object.assign(frame, { head: { type: "put", name }, data: Buffer.from(bytes).toString("latin1") })
  }
  if (random(12) === 0) return { id, ack: pick(random, [0, 1, -1, 1e9, "0", null]) }
  if (random(12) === 0)
    return { id, abort: pick(random, [{ code: "full", message: "" }, "x", {}, { code: 1, message: 2 }]) }
  if (random(4) === 0) frame[pick(random, [...Object.keys(frame), "more", "__proto__"])] = anyJson(random, 2)
  if (random(10) === 0) Reflect.deleteProperty(frame, pick(random, Object.keys(frame)))
  return frame
}

function fuzzedHead(random: Random): unknown {
  const names = [
    pick(random, good).name,
    "../../../sentinel",
    "/etc/passwd",
    "v/../../x",
    "v/s/..",
    "v\\..\\x",
    "v/s0/\0",
    "v/s0/%2e%2e/x",
    "v/.partial/x",
    ".partial/x",
    "CON",
    folderOf("s0"),
    "v",
    `v/${"a/".repeat(20)}`,
    "a".repeat(5000),
    "ü/ö",
    "v/s0/‮",
    anyJson(random, 1),
  ]
  const type = pick(random, [
    "put",
    "get",
    "list",
    "remove",
    "watch",
    "offer",
    "store",
    "credentials",
    "set-store",
    "hello",
    "constructor",
    "__proto__",
    anyJson(random, 1),
  ])
  const head: Record<string, unknown> = { type }
  if (type === "list") head["prefix"] = pick(random, ["", "v/", `${vaultOf()}/`, folderOf("s1"), ...names])
  else if (type === "watch")
    Object.assign(head, { prefix: pick(random, ["v/", folderOf("s1"), ...names]), known: pick(random, [null, "", 5]) })
  else if (type === "hello") Object.assign(head, { protocol: random(3), version: pick(random, ["0.1.0", "<x>", 1]) })
  else if (type === "offer")
    head["card"] = pick(random, [`psp1${"q".repeat(200)}`, "psp1../../x", names[random(names.length)]])
  else if (type === "credentials" || type === "set-store")
    head["address"] = pick(random, ["memory:", "file:vault", "redis://u:p@h:x/0", "s3://", "file:///\0", 5])
  else if (type !== "store") head["name"] = pick(random, names)
  if (random(8) === 0) head[pick(random, ["path", "dir", "type", "__proto__"])] = anyJson(random, 2)
  return head
}

function anyJson(random: Random, depth: number): unknown {
  const leaves = [null, true, false, 0, -1, 1.5, 1e308, "", "x", "\ud800", "../x", random(1e9), Number.MAX_SAFE_INTEGER]
  if (depth === 0 || random(3) === 0) return pick(random, leaves)
  const length = random(4)
  if (random(2) === 0) return Array.from({ length }, () => anyJson(random, depth - 1))
  const keys = ["id", "seq", "ack", "abort", "head", "data", "toString", "x"]
  return Object.fromEntries(Array.from({ length }, () => [pick(random, keys), anyJson(random, depth - 1)]))
}

function pick<T>(random: Random, values: readonly T[]): T {
  const value = values[random(values.length)]
  if (value === undefined) throw new Error("expected a value to pick")
  return value
}

/** mulberry32: the same numbers from the same seed, on every machine. */
function createRandom(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
