import { PspError } from "../../errors.js"
import { isClosed } from "../steps.js"
import { listenTo, type Transport } from "../transport.js"

/**
 * A connection to a browser by the Chrome DevTools Protocol, with flat sessions: one line, on which each message names the
 * session that it is for. Adapters of tools that have such a connection lend theirs; `connectCdp` makes one of a transport.
 */
export interface CdpConnection {
  /** @param sessionId of the page or frame; none for the browser itself */
  send(method: string, params?: object, sessionId?: string): Promise<unknown>
  /** Calls for each event until the function that is given back is called. */
  listen(listener: (event: CdpEvent) => void): () => void
  /** Fires when nothing can be sent any more. */
  closed: AbortSignal
  /** Ends what was opened for us, and nothing of the browser's. */
  close(): Promise<void>
}

export interface CdpEvent {
  method: string
  params: unknown
  /** None for an event of the browser itself. */
  sessionId?: string | undefined
}

interface Message {
  id?: number
  method?: string
  params?: unknown
  sessionId?: string
  result?: unknown
  error?: { message: string } | null
}

/** Speaks CDP over a transport. An answer that is an error rejects without the browser's own words, which may name values. */
export function connectCdp(transport: Transport): CdpConnection {
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  const listeners = new Set<(event: CdpEvent) => void>()
  const closed = new AbortController()
  let last = 0
  listenTo(transport, (message) => {
    const { id, method, params, sessionId, result, error } = message as Message
    if (error === null) throw new TypeError("No message")
    if (id === undefined) {
      if (method !== undefined) for (const listener of [...listeners]) listener({ method, params, sessionId })
      return
    }
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result)
    else asked?.reject(new Error(withoutValues(error.message)))
  })
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
        waiting.set(id, { resolve, reject })
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

/** Only that something was closed is told on: `isClosed` knows it by the words. */
function withoutValues(message: unknown): string {
  return isClosed(new Error(String(message))) ? "Target closed" : "The browser refused it"
}
