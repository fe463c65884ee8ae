import { connectLine, type Line, type LineEvent } from "../line.js"
import { isClosed } from "../steps.js"
import type { Transport } from "../transport.js"

/**
 * A connection to a browser by the Chrome DevTools Protocol, with flat sessions: one line, on which each message names the
 * session that it is for. Adapters of tools that have such a connection lend theirs; `connectCdp` makes one of a transport.
 */
export type CdpConnection = Line

export type CdpEvent = LineEvent

/** Speaks CDP over a transport. An answer that is an error rejects without the browser's own words, which may name values. */
export function connectCdp(transport: Transport): CdpConnection {
  const errorOf = (said: unknown) => new Error(withoutValues((said as { message?: unknown }).message))
  return connectLine(transport, errorOf, detachedBy)
}

/** Chromium leaves commands unanswered that a page had not answered when it was closed (156). */
function detachedBy({ method, params }: CdpEvent): string | undefined {
  return method === "Target.detachedFromTarget" ? (params as { sessionId: string }).sessionId : undefined
}

/** Only that something was closed is told on: `isClosed` knows it by the words. */
function withoutValues(message: unknown): string {
  return isClosed(new Error(String(message))) ? "Target closed" : "The browser refused it"
}
