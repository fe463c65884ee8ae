import { createByteSink, type ByteSink } from "./byte-sink.js"
import { isPspError, PspError, toPspError } from "./errors.js"
import {
  bytesToBody,
  bytesToHeapText,
  faultOf,
  fillFromBody,
  frameWindow,
  idOfBroken,
  maxBodyLength,
  maxFrameBytes,
  parseFrame,
  type AbortFrame,
  type DataFrame,
  type Fault,
  type Frame,
  type Head,
} from "./protocol.js"

/** One request or one reply: the head says what it is, the body is what comes with it. */
export interface Message {
  id: number
  head: Head
  body: Uint8Array
}

/**
 * Messages of up to 96 MiB over a port that carries frames of up to 256 KiB; the same on both ends.
 * Time and memory are linear in the length of a message, and no more than 4 frames are ever under way.
 */
export interface Channel {
  /**
   * Sends a message after those before it; resolves when its last frame is posted.
   *
   * @throws `too-large`, `aborted`, what the other end aborted with, or what the channel was closed with
   */
  send(message: Message): Promise<void>
  /** Takes what the port brought. Never throws: what is no frame is aborted and told to `onFault`. */
  receive(value: unknown): void
  /** Ends everything about an id on both sides. */
  abort(id: number, fault: Fault): void
  /** Fails what is being sent and drops what is half received. */
  close(error: PspError): void
}

export interface ChannelOptions {
  /** Puts one frame on the port; the next one waits for the promise. */
  post: (frame: Frame) => void | Promise<void>
  /** A whole message came; its last frame is acknowledged when this resolves. */
  onMessage: (message: Message) => void | Promise<void>
  /** The other end has given up this id; 0 is the whole conversation. */
  onAbort?: (id: number, fault: Fault) => void
  /** The other end broke the protocol. It was told; whether to go on is the owner's choice. */
  onFault?: (error: PspError) => void
}

interface Outgoing extends Message {
  seq: number
  offset: number
  resolve: () => void
  reject: (error: PspError) => void
}

interface Incoming {
  id: number
  head: Head
  seq: number
  body: ByteSink
}

export function createChannel({ post, onMessage, onAbort, onFault }: ChannelOptions): Channel {
  const outgoing: Outgoing[] = []
  /** Data frames that were posted and not acknowledged, oldest first. */
  const unacknowledged: { id: number; seq: number }[] = []
  let isSending = false
  let incoming: Incoming | null = null
  /** The id whose remaining frames are dropped. */
  let dropped = 0
  let closed: PspError | null = null

  async function pump(): Promise<void> {
    if (isSending) return
    isSending = true
    try {
      while (unacknowledged.length < frameWindow) {
        const message = outgoing[0]
        if (message === undefined) break
        const frame = nextFrame(message)
        unacknowledged.push({ id: frame.id, seq: frame.seq })
        if (frame.last) outgoing.shift()
        await post(frame)
        if (frame.last) message.resolve()
      }
    } catch (error) {
      fail(toPspError(error, "Posting on the native port"))
    } finally {
      isSending = false
    }
  }

  function fail(error: PspError): void {
    if (closed !== null) return
    closed = error
    incoming = null
    unacknowledged.length = 0
    for (const message of outgoing.splice(0)) message.reject(error)
  }

  function forget(id: number, error: PspError): void {
    if (incoming?.id === id) {
      incoming = null
      dropped = id
    }
    const index = outgoing.findIndex((message) => message.id === id)
    if (index >= 0) for (const message of outgoing.splice(index, 1)) message.reject(error)
    void pump()
  }

  function tell(frame: Frame): void {
    try {
      const posted = post(frame)
      if (posted !== undefined) posted.catch((error: unknown) => fail(toPspError(error, "Posting on the native port")))
    } catch (error) {
      fail(toPspError(error, "Posting on the native port"))
    }
  }

  function refuse(id: number, error: PspError): void {
    forget(id, error)
    tell({ id, abort: faultOf(error) })
    onFault?.(error)
  }

  function takeAck(id: number, seq: number): void {
    const oldest = unacknowledged[0]
    if (oldest?.id !== id || oldest.seq !== seq) {
      return refuse(0, new PspError("bad-message", "Cannot go on with the native port: a frame was acknowledged twice"))
    }
    unacknowledged.shift()
    void pump()
  }

  function takeAbort({ id, abort }: AbortFrame): void {
    if (id === 0) fail(new PspError(abort.code, abort.message))
    else forget(id, new PspError(abort.code, abort.message))
    onAbort?.(id, abort)
  }

  function takeData(frame: DataFrame): void {
    const acknowledge = () => {
      if (closed === null) tell({ id: frame.id, ack: frame.seq })
    }
    const message = assemble(frame)
    if (message === null) return acknowledge()
    try {
      const taken = onMessage(message)
      if (taken === undefined) return acknowledge()
      taken.then(acknowledge, (error: unknown) => fail(toPspError(error, "Taking a message")))
    } catch (error) {
      fail(toPspError(error, "Taking a message"))
    }
  }

  /** The message that this frame completes, or null. */
  function assemble(frame: DataFrame): Message | null {
    const { id, seq, last, head, data } = frame
    if (dropped === id && incoming === null && seq > 0) {
      if (last) dropped = 0
      return null
    }
    if (incoming === null && head !== undefined) incoming = { id, head, seq: 0, body: createByteSink(maxBodyLength) }
    if (incoming?.id !== id || incoming.seq !== seq) {
      const broken = incoming?.id ?? id
      dropped = last ? 0 : id
      incoming = null
      refuse(
        broken,
        new PspError("bad-message", "Cannot read a message on the native port: its frames are not in order"),
      )
      return null
    }
    const { body } = incoming
    if (body.length + data.length > maxBodyLength) {
      refuse(id, tooLarge("read", body.length + data.length))
      if (last) dropped = 0
      return null
    }
    incoming.seq++
    try {
      fillFromBody(data, body.room(data.length))
    } catch (error) {
      if (!isPspError(error)) throw error
      refuse(id, error)
      if (last) dropped = 0
      return null
    }
    if (!last) return null
    const message = { id, head: incoming.head, body: body.bytes() }
    incoming = null
    return message
  }

  return {
    send: (message) =>
      new Promise((resolve, reject) => {
        if (closed !== null) return reject(closed)
        if (message.body.length > maxBodyLength) return reject(tooLarge("send", message.body.length))
        outgoing.push({ ...message, seq: 0, offset: 0, resolve, reject })
        void pump()
      }),
    receive(value) {
      if (closed !== null) return
      let frame: Frame
      try {
        frame = parseFrame(value)
      } catch (error) {
        if (!isPspError(error)) throw error
        refuse(idOfBroken(value), error)
        return
      }
      if ("ack" in frame) takeAck(frame.id, frame.ack)
      else if ("abort" in frame) takeAbort(frame)
      else takeData(frame)
    },
    abort(id, fault) {
      if (closed !== null) return
      forget(id, new PspError(fault.code, fault.message))
      tell({ id, abort: faultOf(fault) })
    },
    close: fail,
  }
}

/** Takes the next slice off a message. */
function nextFrame(message: Outgoing): DataFrame {
  const { id, seq, offset, head, body } = message
  const room = maxFrameBytes - 128 - (seq === 0 ? jsonBytes(JSON.stringify(head)) : 0)
  const data = sliceThatFits(body, offset, room)
  message.offset += data.length
  message.seq += 1
  const last = message.offset === body.length
  return seq === 0 ? { id, seq, last, head, data } : { id, seq, last, data }
}

/** From here on memory counts more than time (bytes). */
const largeBody = 16 * 1024 * 1024

/** The longest of a few slices whose JSON takes at most `room` bytes. */
function sliceThatFits(body: Uint8Array, offset: number, room: number): string {
  const toText = body.length > largeBody ? bytesToHeapText : bytesToBody
  for (let length = room; ; length = Math.ceil(length / 2)) {
    const slice = toText(body.subarray(offset, offset + length))
    if (slice.length * 6 <= room || jsonBytes(slice) <= room) return slice
  }
}

/** Bytes of UTF-8 that this text takes inside JSON, or more. */
function jsonBytes(text: string): number {
  if (!/[^ !#-[\]-~]/.test(text)) return text.length
  let bytes = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80 || unit === 0x22 || unit === 0x5c) bytes += unit >= 0x800 ? 6 : 2
    else bytes += unit < 0x20 ? 6 : 1
  }
  return bytes
}

function tooLarge(doing: string, length: number): PspError {
  const mib = (bytes: number) => Math.ceil(bytes / (1024 * 1024))
  return new PspError(
    "too-large",
    `Cannot ${doing} a message of ${mib(length)} MiB on the native port: expected at most ${mib(maxBodyLength)} MiB`,
  )
}
