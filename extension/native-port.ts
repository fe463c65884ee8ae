import { browser } from "wxt/browser"
import { createChannel, type Channel, type Message } from "../shared/channel.js"
import { PspError, toPspError, type ErrorCode } from "../shared/errors.js"
import {
  hostName,
  parseAnswer,
  protocolVersion,
  type Answer,
  type Ask,
  type Hello,
  type RequestType,
} from "../shared/protocol.js"
import { version } from "../shared/version.js"

/** What we use of the browser's `runtime.Port`. */
export interface NativePort {
  postMessage(message: unknown): void
  disconnect(): void
  /** Firefox says here why the port closed. */
  error?: unknown
  onMessage: { addListener(listener: (message: unknown) => void): void }
  onDisconnect: { addListener(listener: (port: NativePort) => void): void }
}

export interface ConnectOptions {
  connectNative?: (name: string) => NativePort
  /** Chrome says here, while `onDisconnect` runs, why the port closed. */
  lastError?: () => string | undefined
  /** How long the host may take to start and say hello (ms). */
  helloTimeout?: number
  /** How long the host may be silent while it owes an answer (ms). */
  answerTimeout?: number
}

/** A conversation with the host that has said hello. Close it when the work is done: no port stays open. */
export interface Connection {
  hello: Hello
  /**
   * @throws the error that the host answered with, `aborted`, `too-large`, or what ended the connection:
   *   `host-crashed`, `host-garbled`
   */
  request: <K extends RequestType>(
    type: K,
    ask: Ask<K>,
    options?: { body?: Uint8Array; signal?: AbortSignal | undefined },
  ) => Promise<{ answer: Answer<K>; body: Uint8Array }>
  close: () => void
}

const nothing = new Uint8Array(0)

interface Pending {
  resolve: (message: Message) => void
  reject: (error: PspError) => void
}

/**
 * Starts the native host of this computer and says hello.
 *
 * @throws `host-missing`, `host-forbidden`, `host-crashed`, `host-garbled`, `host-too-old`, `host-too-new`: each message
 *   says what to do
 */
export async function connect({
  connectNative = (name) => browser.runtime.connectNative(name),
  lastError = () => browser.runtime.lastError?.message,
  helloTimeout = 15_000,
  answerTimeout = 60_000,
}: ConnectOptions = {}): Promise<Connection> {
  const port = open(connectNative)
  const pending = new Map<number, Pending>()
  let lastId = 0
  let ended: PspError | null = null
  let patience = helloTimeout
  let timer: ReturnType<typeof setTimeout> | undefined

  const channel: Channel = createChannel({
    post(frame) {
      try {
        port.postMessage(frame)
      } catch {
        // The port is closed already, and `onDisconnect` has not run yet.
        throw hostError("host-crashed")
      }
    },
    onMessage(message) {
      const asked = pending.get(message.id)
      pending.delete(message.id)
      asked?.resolve(message)
    },
    onAbort(id, { code, message }) {
      const error = new PspError(code, message)
      if (id === 0) {
        end(error)
        return
      }
      const asked = pending.get(id)
      pending.delete(id)
      asked?.reject(error)
    },
    onFault: () => end(hostError("host-garbled")),
  })

  function end(error: PspError, isDisconnected = false): void {
    if (ended !== null) return
    ended = error
    clearTimeout(timer)
    channel.close(error)
    const asked = [...pending.values()]
    pending.clear()
    for (const { reject } of asked) reject(error)
    if (!isDisconnected) port.disconnect()
  }

  /** Starts the patience anew: called with every sign of life and every new request. */
  function wait(): void {
    clearTimeout(timer)
    if (ended !== null) return
    timer = setTimeout(() => {
      if (pending.size > 0) end(hostError("host-crashed"))
    }, patience)
  }

  port.onMessage.addListener((frame) => {
    channel.receive(frame)
    wait()
  })
  port.onDisconnect.addListener((closed) =>
    end(hostError(codeOfDisconnect(reasonOf(closed.error) ?? lastError())), true),
  )

  function exchange(
    type: RequestType,
    ask: object,
    body: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (ended !== null || signal?.aborted === true) {
        reject(ended ?? calledOff(type))
        return
      }
      const id = ++lastId
      const onAbort = () => {
        pending.delete(id)
        channel.abort(id, calledOff(type))
        reject(calledOff(type))
      }
      const done = () => {
        signal?.removeEventListener("abort", onAbort)
        wait()
      }
      pending.set(id, {
        resolve(message) {
          done()
          resolve(message)
        },
        reject(error) {
          done()
          reject(error)
        },
      })
      signal?.addEventListener("abort", onAbort, { once: true })
      wait()
      channel.send({ id, head: { type, ...ask }, body }).catch((error: unknown) => {
        pending.delete(id)
        done()
        reject(ended ?? toPspError(error, "Asking the native host"))
      })
    })
  }

  const connection: Omit<Connection, "hello"> = {
    async request(type, ask, { body = nothing, signal } = {}) {
      const message = await exchange(type, ask, body, signal)
      return { answer: parseAnswer(type, message.head), body: message.body }
    },
    close: () => end(new PspError("aborted", "Cannot ask the native host: the connection was closed")),
  }

  try {
    const { answer: hello } = await connection.request("hello", { protocol: protocolVersion, version })
    if (hello.protocol < protocolVersion) throw hostError("host-too-old", hello.version)
    if (hello.protocol > protocolVersion) throw hostError("host-too-new", hello.version)
    patience = answerTimeout
    return { hello, ...connection }
  } catch (error) {
    connection.close()
    throw error
  }
}

function open(connectNative: (name: string) => NativePort): NativePort {
  try {
    return connectNative(hostName)
  } catch (error) {
    throw hostError(codeOfDisconnect(reasonOf(error)))
  }
}

/**
 * The browsers' own sentences, the only thing they tell. Firefox says the same for a host that is not ours to use. Chrome's
 * "Error when communicating" is a host that ended before our first message was written as often as one that prints
 * something else, so it tells no more than that the host stopped or does not answer; `psp doctor` starts it and sees.
 */
function codeOfDisconnect(reason: string | undefined): keyof typeof advice {
  if (reason === undefined) return "host-crashed"
  if (/host not found|No such native application/i.test(reason)) return "host-missing"
  if (/is forbidden|not have permission/i.test(reason)) return "host-forbidden"
  if (/exceeds the limit/i.test(reason)) return "host-garbled"
  return "host-crashed"
}

const advice = {
  "host-missing": "psp is not installed for this browser; run: psp install",
  "host-forbidden": "psp is installed for another extension than this one; run: psp install",
  "host-crashed": "its native host stopped or does not answer; run: psp doctor",
  "host-garbled":
    "its native host does not speak our protocol; run: psp install, and if that does not help: psp doctor",
  "host-too-old":
    "psp there is older than this extension; run: npm install --global persistent-sessions@latest, then: psp install",
  "host-too-new": "psp there is newer than this extension; update the extension",
} as const satisfies Partial<Record<ErrorCode, string>>

function hostError(code: keyof typeof advice, hostVersion?: string): PspError {
  const versions = hostVersion === undefined ? "" : ` (psp ${hostVersion}, extension ${version})`
  return new PspError(code, `Cannot reach this computer: ${advice[code]}${versions}`)
}

/** For a host that says hello, and does not know what came after it. */
export function hostTooOld(hostVersion: string): PspError {
  return hostError("host-too-old", hostVersion)
}

function reasonOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("message" in error)) return undefined
  return typeof error.message === "string" ? error.message : undefined
}

function calledOff(type: RequestType): PspError {
  return new PspError("aborted", `Cannot finish ${type} with the native host: it was called off`)
}
