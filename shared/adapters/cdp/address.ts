import { PspError } from "../../errors.js"
import { connectWebSocket } from "../web-socket.js"
import { connectCdp, type CdpConnection } from "./connection.js"

/**
 * Connects to the browser at an address as Chromium tells it: `ws://…` of the browser itself, or `http://127.0.0.1:9222` (also
 * without the scheme), which is asked for it.
 *
 * @throws `bad-target` when nobody answers there, or somebody else than such a browser; `aborted` when that takes too long
 */
export async function connectCdpAddress(
  address: string,
  options: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<CdpConnection> {
  const url = /^wss?:/.test(address) ? address : await askForSocket(address, options)
  return connectCdp(await connectWebSocket(url, options))
}

async function askForSocket(
  address: string,
  { signal, timeoutMs = 30_000 }: { signal?: AbortSignal; timeoutMs?: number },
): Promise<string> {
  const base = new URL(/^https?:/.test(address) ? address : `http://${address}`)
  const ended = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])])
  try {
    const answer = await fetch(new URL(`/json/version${base.search}`, base), { signal: ended })
    const { webSocketDebuggerUrl } = (await answer.json()) as { webSocketDebuggerUrl?: unknown }
    if (typeof webSocketDebuggerUrl === "string") return webSocketDebuggerUrl
  } catch (cause) {
    if (signal?.aborted === true)
      throw new PspError("aborted", `Cannot reach the browser at ${base.origin}: called off`)
    const fix = "start it with --remote-debugging-port=9222"
    throw new PspError("bad-target", `Cannot reach a browser at ${base.origin}: no answer (${fix})`, { cause })
  }
  throw new PspError("bad-target", `Cannot use ${base.origin}: what answers there is not a browser that speaks CDP`)
}
