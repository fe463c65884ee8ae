import { describe, expect, it } from "vitest"
import { equalBytes, utf8 } from "../../shared/bytes.js"
import { createChannel, type Channel, type Message } from "../../shared/channel.js"
import { PspError } from "../../shared/errors.js"
import {
  bytesToBody,
  bytesToHeapText,
  fillFromBody,
  frameWindow,
  maxBodyLength,
  maxFrameBytes,
  type Frame,
} from "../../shared/protocol.js"

const jsonBytes = (frame: unknown) => Buffer.byteLength(JSON.stringify(frame))

interface End {
  channel: Channel
  got: Message[]
  posted: Frame[]
  faults: PspError[]
  aborts: { id: number; code: string }[]
}

/** Two channels joined; `carry` may look at frames, change them or lose them. */
function createPair(carry: (frame: Frame, deliver: () => void) => void = (_frame, deliver) => deliver()) {
  const create = (other: () => End): End => {
    const end: Omit<End, "channel"> = { got: [], posted: [], faults: [], aborts: [] }
    const channel = createChannel({
      post(frame) {
        end.posted.push(frame)
        carry(frame, () => queueMicrotask(() => other().channel.receive(JSON.parse(JSON.stringify(frame)))))
      },
      onMessage: (message) => void end.got.push(message),
      onAbort: (id, { code }) => end.aborts.push({ id, code }),
      onFault: (error) => end.faults.push(error),
    })
    return { ...end, channel }
  }
  const left: End = create(() => right)
  const right: End = create(() => left)
  return { left, right }
}

/** A channel whose other end is the test. */
function createAlone(onMessage: (message: Message) => void | Promise<void> = () => undefined) {
  const posted: Frame[] = []
  const faults: PspError[] = []
  const channel = createChannel({
    post: (frame) => void posted.push(frame),
    onMessage,
    onFault: (error) => faults.push(error),
  })
  return { channel, posted, faults }
}

/** Compared by itself: a difference of megabytes would be printed. */
const isSame = (got: Uint8Array | undefined, body: Uint8Array) => got !== undefined && equalBytes(got, body)
const settle = () => new Promise((resolve) => setImmediate(resolve))
const dataFrames = (frames: Frame[]) => frames.filter((frame) => "seq" in frame)

describe("channel", () => {
  it.each([0, 1, 1000, maxFrameBytes, 3_000_000])("carries a message of %i characters as it is", async (length) => {
    const { left, right } = createPair()
    const body = utf8("0123456789abcdef".repeat(Math.ceil(length / 16)).slice(0, length))
    await left.channel.send({ id: 1, head: { type: "put", name: "a" }, body })
    await settle()
    expect(right.got).toHaveLength(1)
    expect(right.got[0]?.head).toEqual({ type: "put", name: "a" })
    expect(isSame(right.got[0]?.body, body)).toBe(true)
  })

  it.each([
    ["envelope text", '{"psp":1,"hdr":"' + "QUJD".repeat(200_000) + '"}'],
    ["quotes", '"'.repeat(600_000)],
    ["control characters", "\0\u001f".repeat(300_000)],
    ["upper bytes", "\x80\xff".repeat(300_000)],
    ["a few escapes far in", "a".repeat(200_000) + "\0".repeat(200_000) + "a".repeat(400_000)],
  ])("keeps every frame of %s at 256 KiB of JSON", async (_title, text) => {
    const body = Uint8Array.from(text, (char) => char.charCodeAt(0))
    const { left, right } = createPair()
    await left.channel.send({ id: 9, head: { type: "put", name: "n".repeat(500) }, body })
    await settle()
    for (const frame of left.posted) expect(jsonBytes(frame)).toBeLessThanOrEqual(maxFrameBytes)
    expect(isSame(right.got[0]?.body, body)).toBe(true)
  })

  it("has at most 4 frames under way, and goes on with each acknowledgement", async () => {
    const { channel, posted } = createAlone()
    const body = utf8("x".repeat(8 * maxFrameBytes))
    const sent = channel.send({ id: 1, head: {}, body })
    await settle()
    expect(posted).toHaveLength(frameWindow)
    for (let ack = 0; ; ack++) {
      channel.receive({ id: 1, ack })
      await settle()
      if (posted.length < frameWindow + ack + 1) break
    }
    await sent
    expect(dataFrames(posted).map((frame) => "seq" in frame && frame.seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  it("waits for a slow port before it makes the next frame", async () => {
    let release: () => void = () => undefined
    let posts = 0
    const channel = createChannel({
      post: () => (posts++, new Promise((resolve) => (release = resolve))),
      onMessage: () => undefined,
    })
    void channel.send({ id: 1, head: {}, body: utf8("x".repeat(3 * maxFrameBytes)) })
    await settle()
    expect(posts).toBe(1)
    release()
    await settle()
    expect(posts).toBe(2)
  })

  it("acknowledges the last frame of a message only when its receiver has room for the next", async () => {
    let release: () => void = () => undefined
    const { channel, posted } = createAlone(() => new Promise((resolve) => (release = resolve)))
    channel.receive({ id: 1, seq: 0, last: false, head: {}, data: "a" })
    channel.receive({ id: 1, seq: 1, last: true, data: "b" })
    await settle()
    expect(posted).toEqual([{ id: 1, ack: 0 }])
    release()
    await settle()
    expect(posted).toEqual([
      { id: 1, ack: 0 },
      { id: 1, ack: 1 },
    ])
  })

  it("sends messages one after the other, and both directions at once", async () => {
    const { left, right } = createPair()
    const body = utf8("x".repeat(2 * maxFrameBytes))
    await Promise.all(
      [1, 2, 3].flatMap((id) => [left, right].map(({ channel }) => channel.send({ id, head: { n: id }, body }))),
    )
    await settle()
    for (const { got, posted, faults } of [left, right]) {
      expect(got.map(({ id, body }) => [id, body.length])).toEqual([1, 2, 3].map((id) => [id, body.length]))
      const ids = dataFrames(posted).map(({ id }) => id)
      expect(ids).toEqual([...ids].sort())
      expect(faults).toEqual([])
    }
  })

  it("refuses to send more than 96 MiB, without posting a frame", async () => {
    const { channel, posted } = createAlone()
    const send = channel.send({ id: 1, head: {}, body: utf8("x".repeat(maxBodyLength + 1)) })
    await expect(send).rejects.toMatchObject({ code: "too-large" })
    expect(posted).toEqual([])
  })

  it("stops reading at 96 MiB, tells the other end and drops what follows", async () => {
    const { channel, posted, faults } = createAlone()
    const data = "x".repeat(maxFrameBytes)
    const frames = maxBodyLength / maxFrameBytes + 3
    for (let seq = 0; seq < frames; seq++) {
      channel.receive({ id: 5, seq, last: seq === frames - 1, ...(seq === 0 ? { head: {} } : {}), data })
    }
    expect(faults.map(({ code }) => code)).toEqual(["too-large"])
    expect(posted.filter((frame) => "abort" in frame)).toHaveLength(1)
    expect(posted.filter((frame) => "ack" in frame)).toHaveLength(frames)
    channel.receive({ id: 6, seq: 0, last: true, head: {}, data: "" })
    expect(posted.at(-1)).toEqual({ id: 6, ack: 0 })
  })

  it("stops sending what the other end gave up, and sends the next message", async () => {
    const { channel, posted } = createAlone()
    const first = channel.send({ id: 1, head: {}, body: utf8("x".repeat(9 * maxFrameBytes)) })
    const second = channel.send({ id: 2, head: {}, body: utf8("") })
    await settle()
    channel.receive({ id: 1, abort: { code: "full", message: "The disk is full" } })
    await expect(first).rejects.toMatchObject({ code: "full" })
    for (let ack = 0; ack < frameWindow; ack++) channel.receive({ id: 1, ack })
    await second
    expect(dataFrames(posted).map(({ id }) => id)).toEqual([1, 1, 1, 1, 2])
  })

  it("forgets a half-received message that its sender gave up, and takes the next one", async () => {
    const { left, right } = createPair()
    const sent = left.channel.send({ id: 1, head: {}, body: utf8("x".repeat(9 * maxFrameBytes)) })
    left.channel.abort(1, { code: "aborted", message: "Called off" })
    await expect(sent).rejects.toMatchObject({ code: "aborted" })
    await left.channel.send({ id: 2, head: {}, body: utf8("next") })
    await settle()
    expect(right.got).toEqual([{ id: 2, head: {}, body: utf8("next") }])
    expect(right.aborts).toEqual([{ id: 1, code: "aborted" }])
    expect(right.faults).toEqual([])
  })

  it.each([
    ["begins in the middle", [{ id: 1, seq: 1, last: true, data: "" }]],
    [
      "leaves a frame out",
      [0, 2].map((seq) => ({ id: 1, seq, last: false, data: "", ...(seq === 0 ? { head: {} } : {}) })),
    ],
    ["repeats a frame", [0, 0].map((seq) => ({ id: 1, seq, last: false, head: {}, data: "" }))],
    ["comes between another's frames", [1, 2].map((id) => ({ id, seq: 0, last: false, head: {}, data: "" }))],
  ])("refuses a message that %s, and takes a good one after it", (_title, frames) => {
    const got: Message[] = []
    const { channel, posted, faults } = createAlone((message) => void got.push(message))
    for (const frame of frames) channel.receive(frame)
    expect(faults.map(({ code }) => code)).toEqual(["bad-message"])
    expect(posted.filter((frame) => "abort" in frame)).toHaveLength(1)
    channel.receive({ id: 3, seq: 0, last: true, head: {}, data: "good" })
    expect(got.map(({ body }) => body)).toEqual([utf8("good")])
  })

  it("tells an acknowledgement of what was never sent", () => {
    const { channel, posted, faults } = createAlone()
    channel.receive({ id: 1, ack: 0 })
    expect(faults.map(({ code }) => code)).toEqual(["bad-message"])
    expect(posted).toEqual([{ id: 0, abort: expect.objectContaining({ code: "bad-message" }) as unknown }])
  })

  it("never answers an abort", () => {
    const { channel, posted } = createAlone()
    channel.receive({ id: 4, abort: { code: "aborted", message: "" } })
    channel.receive({ id: 0, abort: { code: "bad-message", message: "" } })
    expect(posted).toEqual([])
  })

  it("fails everything when it is closed, and takes nothing more", async () => {
    const { channel, posted } = createAlone(() => {
      throw new Error("not reached")
    })
    const sends = [1, 2].map((id) => channel.send({ id, head: {}, body: utf8("x".repeat(9 * maxFrameBytes)) }))
    const error = new PspError("host-crashed", "Gone")
    channel.close(error)
    for (const send of sends) await expect(send).rejects.toBe(error)
    await expect(channel.send({ id: 3, head: {}, body: utf8("") })).rejects.toBe(error)
    const count = posted.length
    channel.receive({ id: 9, seq: 0, last: true, head: {}, data: "" })
    expect(posted).toHaveLength(count)
  })

  it("fails what it sends when the port breaks", async () => {
    const channel = createChannel({
      post: () => Promise.reject(new PspError("host-crashed", "Gone")),
      onMessage: () => undefined,
    })
    const send = channel.send({ id: 1, head: {}, body: utf8("x".repeat(maxFrameBytes * 2)) })
    await expect(send).rejects.toMatchObject({ code: "host-crashed" })
  })
})

describe("body", () => {
  const toBytes = (body: string) => {
    const bytes = new Uint8Array(body.length)
    fillFromBody(body, bytes)
    return bytes
  }

  it("stands for every byte, and an ASCII one is the text itself", () => {
    const all = Uint8Array.from({ length: 512 }, (_, i) => i & 0xff)
    for (const toText of [bytesToBody, bytesToHeapText]) expect(toBytes(toText(all))).toEqual(all)
    const text = '{"psp":1}'
    expect(bytesToBody(utf8(text))).toBe(text)
    for (const bytes of [[0x80], [0xef, 0xbb, 0xbf, 0x41], [0xc3, 0xa4], [0xe2, 0x82], [0xef, 0xbf, 0xbd], []]) {
      expect([...toBytes(bytesToBody(Uint8Array.from(bytes)))]).toEqual(bytes)
    }
  })

  it("refuses a code unit that stands for no byte", () => {
    for (const body of ["\u0100", "a\ud800", "🍪"]) {
      expect(() => toBytes(body)).toThrow(expect.objectContaining({ code: "bad-message" }))
    }
  })

  it("ends a message whose body is none", () => {
    const { channel, posted, faults } = createAlone(() => expect.unreachable())
    channel.receive({ id: 4, seq: 0, last: true, head: {}, data: "\u0100" })
    expect(posted).toMatchObject([
      { id: 4, abort: { code: "bad-message" } },
      { id: 4, ack: 0 },
    ])
    expect(faults).toHaveLength(1)
  })
})
