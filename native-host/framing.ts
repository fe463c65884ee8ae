import { PspError } from "../shared/errors.js"

/**
 * The wire under native messaging, both ways:
 *
 *     length of payload, 4 bytes in the machine's own order  ||  payload, UTF-8 JSON
 *
 * A pipe knows nothing of frames: a chunk may hold many, or a piece of a header.
 */
export const maxPayloadBytes = 1024 * 1024

const headerBytes = 4
const decoder = new TextDecoder("utf-8", { fatal: true })

/**
 * The payloads of a stream, in order; each byte is copied once. Ends with the stream. A payload is the reader's until it
 * asks for the next one, which is written over it: a session is hundreds of them.
 *
 * @throws `bad-message` for a header above `maxBytes`, before room for it is made, and for a stream that ends within a
 *   frame: nothing after it can be understood
 */
export async function* readPayloads(
  stream: AsyncIterable<Uint8Array>,
  maxBytes = maxPayloadBytes,
): AsyncGenerator<Uint8Array, void, undefined> {
  const header = new Uint8Array(headerBytes)
  let headerFilled = 0
  let room = new Uint8Array(0)
  let payload: Uint8Array | null = null
  let payloadFilled = 0

  for await (const chunk of stream) {
    let offset = 0
    while (offset < chunk.length) {
      if (payload === null) {
        const part = chunk.subarray(offset, offset + headerBytes - headerFilled)
        header.set(part, headerFilled)
        headerFilled += part.length
        offset += part.length
        if (headerFilled < headerBytes) break
        const length = lengthIn(header)
        if (length > maxBytes) {
          throw bad(`its header says ${length} bytes, at most ${maxBytes} are expected`)
        }
        headerFilled = 0
        payloadFilled = 0
        if (length > room.length) room = new Uint8Array(length)
        payload = room.subarray(0, length)
      }
      const part = chunk.subarray(offset, offset + payload.length - payloadFilled)
      payload.set(part, payloadFilled)
      payloadFilled += part.length
      offset += part.length
      if (payloadFilled === payload.length) {
        yield payload
        payload = null
      }
    }
  }
  if (payload !== null || headerFilled > 0) throw bad("the stream ended within it")
}

/** The JSON value in a payload. @throws `bad-message`; the message never repeats the payload. */
export function parsePayload(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(payload)) as unknown
  } catch {
    throw bad("its payload is not JSON in UTF-8")
  }
}

/** Header and payload of a JSON value. @throws `internal` above 1 MiB: the browser would close the port */
export function encodeFrame(value: unknown): Uint8Array {
  const payload = new TextEncoder().encode(JSON.stringify(value))
  if (payload.length > maxPayloadBytes) {
    throw new PspError("internal", `Cannot write a frame of ${payload.length} bytes: browsers take ${maxPayloadBytes}`)
  }
  const frame = new Uint8Array(headerBytes + payload.length)
  frame.set(new Uint8Array(Uint32Array.of(payload.length).buffer))
  frame.set(payload, headerBytes)
  return frame
}

/** Typed arrays have the machine's own byte order, as the browser's header has. */
function lengthIn(header: Uint8Array): number {
  return new Uint32Array(header.slice().buffer)[0] ?? 0
}

function bad(why: string): PspError {
  return new PspError("bad-message", `Cannot read a frame on the native port: ${why}`)
}
