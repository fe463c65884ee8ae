import { PspError } from "../../errors.js"
import { listenTo, type Transport } from "../transport.js"

/**
 * A connection to a browser by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/). Adapters of tools that have one lend
 * theirs; `connectBidi` makes one of a transport.
 */
export interface BidiConnection {
  /** @throws `BidiError` for what the browser refuses */
  send(method: string, params?: object): Promise<unknown>
  /** Calls for each event until the function that is given back is called. */
  listen(listener: (event: BidiEvent) => void): () => void
  /** Fires when nothing can be sent any more. */
  closed: AbortSignal
  /** Ends what was opened for us, and nothing of the browser's. */
  close(): Promise<void>
}

export interface BidiEvent {
  method: string
  params: unknown
}

/** An error by its code in the standard. What the browser says beside may repeat what it was sent: it is left out. */
export class BidiError extends Error {
  override readonly name = "BidiError"
  readonly code: string

  constructor(code: string) {
    super(goneCodes.includes(code) ? `The browser context or page has been closed (${code})` : `Refused: ${code}`)
    this.code = code
  }
}

/** What is said of browsers, contexts and pages that are not there any more. */
const goneCodes = ["no such user context", "no such frame", "invalid session id"]

interface Message {
  id?: number | null
  method?: string
  params?: unknown
  result?: unknown
  error?: string | null
}

/** Speaks BiDi over a transport. There is no session yet: see `openBidiSession`. */
export function connectBidi(transport: Transport): BidiConnection {
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  const listeners = new Set<(event: BidiEvent) => void>()
  const closed = new AbortController()
  let last = 0
  listenTo(transport, (message) => {
    const { id, method, params, result, error } = message as Message
    if (error === null) throw new TypeError("No message")
    if (id === undefined || id === null) {
      if (method !== undefined) for (const listener of [...listeners]) listener({ method, params })
      return
    }
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(new BidiError(error))
  })
  transport.onClose = () => {
    closed.abort()
    for (const { reject } of waiting.values()) reject(lineClosed())
    waiting.clear()
  }
  return {
    send: (method, params = {}) =>
      new Promise((resolve, reject) => {
        if (closed.signal.aborted) {
          reject(lineClosed())
          return
        }
        const id = ++last
        waiting.set(id, { resolve, reject })
        transport.send(JSON.stringify({ id, method, params }))
      }),
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    closed: closed.signal,
    close: () => {
      transport.close()
      return Promise.resolve()
    },
  }
}

function lineClosed(): PspError {
  return new PspError("bad-target", "Cannot reach the browser: the connection to it has been closed")
}
