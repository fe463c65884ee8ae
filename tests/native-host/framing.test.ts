import { PassThrough, Readable } from "node:stream"
import { endianness } from "node:os"
import { describe, expect, it } from "vitest"
import { encodeFrame, maxPayloadBytes, parsePayload, readPayloads } from "../../native-host/framing.js"

/** Written once more, apart from the codec: 4 bytes of length in the machine's order, then the payload. */
function frame(payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload)
  const header = Buffer.alloc(4)
  if (endianness() === "LE") header.writeUInt32LE(bytes.length)
  else header.writeUInt32BE(bytes.length)
  return Buffer.concat([header, bytes])
}

async function read(...chunks: Uint8Array[]): Promise<string[]> {
  const stream = new PassThrough()
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  const payloads: string[] = []
  for await (const payload of readPayloads(stream)) payloads.push(Buffer.from(payload).toString("latin1"))
  return payloads
}

const big = "x".repeat(200 * 1024)

describe("framing", () => {
  it("takes coalesced frames apart", async () => {
    expect(await read(Buffer.concat([frame("1"), frame('"two"'), frame("[3]")]))).toEqual(["1", '"two"', "[3]"])
  })

  it.each([1, 2, 3])("joins a header that is split after %i bytes", async (at) => {
    const bytes = frame('{"a":1}')
    expect(await read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(['{"a":1}'])
  })

  it("joins a payload that is split anywhere", async () => {
    const bytes = Buffer.concat([frame('{"a":1}'), frame('"b"')])
    for (let at = 1; at < bytes.length; at++) {
      expect(await read(bytes.subarray(0, at), bytes.subarray(at))).toEqual(['{"a":1}', '"b"'])
    }
    expect(await read(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(['{"a":1}', '"b"'])
  })

  it("reads a payload of 200 KiB in chunks of a pipe's size", async () => {
    const bytes = frame(big)
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += 65536) chunks.push(bytes.subarray(at, at + 65536))
    expect(await read(...chunks)).toEqual([big])
  })

  it("reads a burst of 1,000 frames in the order they came", async () => {
    const payloads = Array.from({ length: 1000 }, (_, i) => String(i).repeat(1 + (i % 300)))
    const bytes = Buffer.concat(payloads.map(frame))
    const chunks: Buffer[] = []
    for (let at = 0; at < bytes.length; at += 777) chunks.push(bytes.subarray(at, at + 777))
    expect(await read(...chunks)).toEqual(payloads)
  })

  it("reads a frame of length zero as an empty payload, at the end and before another frame", async () => {
    expect(await read(Buffer.concat([frame(""), frame("1"), frame("")]))).toEqual(["", "1", ""])
    expect(await read(frame(""))).toEqual([""])
    expect(() => parsePayload(new Uint8Array())).toThrow(expect.objectContaining({ code: "bad-message" }))
  })

  it("refuses a header above 1 MiB before it makes room, and without waiting for the payload", async () => {
    const stream = new PassThrough()
    const payloads = readPayloads(stream)
    stream.write(frame("1"))
    expect(await payloads.next()).toMatchObject({ done: false })
    const before = process.memoryUsage().arrayBuffers
    stream.write(Buffer.from(Uint32Array.of(0xffffffff).buffer))
    await expect(payloads.next()).rejects.toMatchObject({ code: "bad-message" })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
    await expect(read(Buffer.from(Uint32Array.of(maxPayloadBytes + 1).buffer))).rejects.toThrow("1048577 bytes")
    expect((await read(frame(Buffer.alloc(maxPayloadBytes))))[0]).toHaveLength(maxPayloadBytes)
  })

  it.each([1, 3, 4, 7])("says so when the stream ends %i bytes into a frame", async (at) => {
    await expect(read(frame("1"), frame("[1,2,3]").subarray(0, at))).rejects.toThrow("the stream ended within it")
  })

  it("writes what it reads, in the machine's byte order", async () => {
    const value = { text: "ünïcödé 🍪", data: "x".repeat(1000) }
    const bytes = encodeFrame(value)
    expect(Buffer.compare(frame(JSON.stringify(value)), bytes)).toBe(0)
    for await (const payload of readPayloads(Readable.from([bytes]))) {
      expect(parsePayload(payload)).toEqual(value)
    }
  })

  it("never writes a frame that a browser would refuse", () => {
    expect(() => encodeFrame("x".repeat(maxPayloadBytes))).toThrow(expect.objectContaining({ code: "internal" }))
  })

  it("refuses a payload that is not UTF-8 or not JSON, without repeating it", () => {
    for (const payload of [Buffer.of(0x22, 0xff, 0x22), Buffer.from("secret"), Buffer.from("{")]) {
      expect(() => parsePayload(payload)).toThrow(/^Cannot read a frame on the native port: its payload is not JSON/)
    }
  })
})
