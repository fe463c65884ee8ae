import { PspError } from "../errors.js"
import type { Transport } from "./transport.js"

/**
 * A line to a browser by its websocket address; with the platform's own WebSocket, or the `ws` package where there is none
 * (Node before 22).
 *
 * @param url may hold a token: it is never part of a message
 * @throws `bad-target` when nobody answers there; `aborted` when it takes too long or is called off
 */
export async function connectWebSocket(
  url: string,
  { signal, timeoutMs = 30_000 }: { signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Transport> {
  const where = originOf(url)
  const Socket = "WebSocket" in globalThis ? WebSocket : await socketOfPackage()
  const socket = new Socket(url)
  const transport: Transport = {
    send: (message) => socket.send(message),
    onMessage: () => undefined,
    onClose: () => undefined,
    close: () => socket.close(),
  }
  const ended = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])])
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve()
    socket.onerror = () => reject(new PspError("bad-target", `Cannot reach the browser at ${where}: no answer`))
    socket.onclose = ({ code }) => {
      reject(new PspError("bad-target", `Cannot reach the browser at ${where}: it closed the connection (${code})`))
    }
    ended.onabort = () => {
      reject(new PspError("aborted", `Cannot reach the browser at ${where}: no connection within ${timeoutMs} ms`))
      socket.close()
    }
  })
  ended.onabort = null
  socket.onerror = null
  socket.onmessage = ({ data }) => transport.onMessage(String(data))
  socket.onclose = () => transport.onClose()
  return transport
}

/** The same interface, as far as it is used here. */
async function socketOfPackage(): Promise<typeof WebSocket> {
  const { WebSocket: Socket } = await import("ws")
  return Socket as unknown as typeof WebSocket
}

/** Scheme, hostname and port: paths and queries of browser services carry tokens. */
function originOf(url: string): string {
  try {
    const { protocol, host } = new URL(url)
    return `${protocol}//${host}`
  } catch {
    throw new PspError("usage", "Cannot reach the browser: its address must be a URL (ws://127.0.0.1:9222/…)")
  }
}
