import { PspError } from "../errors.js"
import type { Transport } from "./transport.js"

/**
 * What CDP and WebDriver BiDi have in common: commands with a number, the answer to each, and events between.
 */
export interface Line {
  /** @param sessionId of the page or frame (CDP alone has them); none for the browser itself */
  send(method: string, params?: object, sessionId?: string): Promise<unknown>
  /** Calls for each event until the function that is given back is called. */
  listen(listener: (event: LineEvent) => void): () => void
  /** Fires when nothing can be sent any more. */
  closed: AbortSignal
  /** Ends what was opened for us, and nothing of the browser's. */
  close(): Promise<void>
}

export interface LineEvent {
  method: string
  params: unknown
  /** None for an event of the browser itself. */
  sessionId?: string | undefined
}

interface Message extends Partial<LineEvent> {
  id?: number | null
  result?: unknown
  error?: unknown
}

interface Waiting {
  sessionId: string | undefined
  resolve: (result: unknown) => void
  reject: (error: Error) => void
}

/**
 * Speaks over a transport. A browser that sends what is no message, or what nobody can take, is no browser to go on with: the
 * line is closed, and nothing of the message is repeated.
 *
 * @param errorOf makes the error to reject with of what an answer says; what the browser says may repeat what it was sent
 * @param endedBy tells which session ends with an event: nobody answers any more what was asked of it
 */
export function connectLine(
  transport: Transport,
  errorOf: (said: unknown) => Error,
  endedBy: (event: LineEvent) => string | undefined = () => undefined,
): Line {
  const waiting = new Map<number, Waiting>()
  const listeners = new Set<(event: LineEvent) => void>()
  const closed = new AbortController()
  let last = 0
  const take = ({ id, method, params, sessionId, result, error }: Message) => {
    if (error === null) throw new TypeError("No message")
    if (id === undefined || id === null) {
      if (method !== undefined) tell({ method, params, sessionId })
      return
    }
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(errorOf(error))
  }
  const tell = (event: LineEvent) => {
    for (const listener of [...listeners]) listener(event)
    const ended = endedBy(event)
    if (ended === undefined) return
    for (const [id, { sessionId, reject }] of waiting) {
      if (sessionId !== ended) continue
      waiting.delete(id)
      reject(new Error("Target closed"))
    }
  }
  transport.onMessage = (text) => {
    try {
      const message: unknown = JSON.parse(text)
      if (typeof message !== "object" || message === null) throw new TypeError("No message")
      take(message)
    } catch {
      transport.close()
      transport.onClose()
    }
  }
  transport.onClose = () => {
    closed.abort()
    for (const { reject } of waiting.values()) reject(lineClosed())
    waiting.clear()
  }
  return {
    send: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        if (closed.signal.aborted) {
          reject(lineClosed())
          return
        }
        const id = ++last
        waiting.set(id, { sessionId, resolve, reject })
        transport.send(JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }))
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
