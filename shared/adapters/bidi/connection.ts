import { connectLine, type Line, type LineEvent } from "../line.js"
import type { Transport } from "../transport.js"

/**
 * A connection to a browser by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/). Adapters of tools that have one lend
 * theirs; `connectBidi` makes one of a transport.
 */
export interface BidiConnection extends Omit<Line, "send"> {
  /** @throws `BidiError` for what the browser refuses */
  send(method: string, params?: object): Promise<unknown>
}

export type BidiEvent = Omit<LineEvent, "sessionId">

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

/** Speaks BiDi over a transport. There is no session yet: see `openBidiSession`. */
export function connectBidi(transport: Transport): BidiConnection {
  return connectLine(transport, (said) => new BidiError(String(said)))
}
