import { PspError } from "../errors.js"
import { placeOfBrowser } from "./browser-address.js"
import { createSteps, type StepOptions } from "./steps.js"
import type { Transport } from "./transport.js"

/**
 * A line to a browser by its websocket address; with the platform's own WebSocket, or the `ws` package where there is none
 * (Node before 22).
 *
 * @param url as `parseBrowserAddress` gives it; may hold a token, which is never part of a message
 * @throws `bad-target` when nobody answers there; `aborted` when it takes too long or is called off
 */
export async function connectWebSocket(url: URL, options: StepOptions = {}): Promise<Transport> {
  const where = placeOfBrowser(url)
  const Socket = "WebSocket" in globalThis ? WebSocket : await socketOfPackage()
  const step = createSteps(`reach the browser at ${where}`, options)
  let opening: WebSocket | undefined
  const socket = await step("connecting", () => open((opening = new Socket(url)), where)).catch((error: unknown) => {
    opening?.close()
    throw error
  })
  const transport: Transport = {
    send: (message) => socket.send(message),
    onMessage: () => undefined,
    onClose: () => undefined,
    close: () => socket.close(),
  }
  socket.onmessage = ({ data }) => transport.onMessage(String(data))
  socket.onclose = () => transport.onClose()
  return transport
}

async function open(socket: WebSocket, where: string): Promise<WebSocket> {
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve()
    socket.onerror = () => reject(new PspError("bad-target", `Cannot reach the browser at ${where}: no answer`))
    socket.onclose = ({ code }) => {
      reject(new PspError("bad-target", `Cannot reach the browser at ${where}: it closed the connection (${code})`))
    }
  })
  return socket
}

/** The same interface, as far as it is used here. */
async function socketOfPackage(): Promise<typeof WebSocket> {
  const { WebSocket: Socket } = await import("ws")
  return Socket as unknown as typeof WebSocket
}
