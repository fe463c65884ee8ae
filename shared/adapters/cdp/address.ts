import { isPspError, PspError } from "../../errors.js"
import { parseBrowserAddress, placeOfBrowser } from "../browser-address.js"
import { createSteps, type StepOptions } from "../steps.js"
import { connectWebSocket } from "../web-socket.js"
import { connectCdp, type CdpConnection } from "./connection.js"

/**
 * Connects to the browser at an address as Chromium tells it: `ws://…` of the browser itself, or `http://127.0.0.1:9222` (also
 * without the scheme), which is asked for it.
 *
 * @throws `bad-target` when nobody answers there, or somebody else than such a browser; `aborted` when that takes too long or is
 *   called off; `usage` for what is no address
 */
export async function connectCdpAddress(address: string, options: StepOptions = {}): Promise<CdpConnection> {
  const url = parseBrowserAddress(address, "http", "http://127.0.0.1:9222 or ws://…")
  const socket = url.protocol.startsWith("ws") ? url : await askForSocket(url, options)
  return connectCdp(await connectWebSocket(socket, options))
}

async function askForSocket(base: URL, options: StepOptions): Promise<URL> {
  const where = placeOfBrowser(base)
  const asking = new AbortController()
  const ask = async () => {
    const answer = await fetch(new URL(`/json/version${base.search}`, base), { signal: asking.signal })
    return ((await answer.json()) as { webSocketDebuggerUrl?: unknown } | null)?.webSocketDebuggerUrl
  }
  try {
    const told = await createSteps(`reach the browser at ${where}`, options)("asking for its websocket", ask)
    const url = parseBrowserAddress(typeof told === "string" ? told : "", "ws", "ws://…")
    if (url.protocol.startsWith("ws")) return url
  } catch (cause) {
    if (isPspError(cause, "aborted")) throw cause
    if (!isPspError(cause)) {
      const fix = "start it with --remote-debugging-port=9222"
      throw new PspError("bad-target", `Cannot reach a browser at ${where}: no answer (${fix})`, { cause })
    }
  } finally {
    asking.abort()
  }
  throw new PspError("bad-target", `Cannot use ${where}: what answers there is not a browser that speaks CDP`)
}
