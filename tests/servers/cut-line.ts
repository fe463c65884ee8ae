import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { WebSocket, WebSocketServer } from "ws"

/** A line to a websocket server that breaks in the middle of a conversation, without a word to either side. */
export interface CutLine {
  /** The same address, by way of this line. */
  address: string
  /** How many messages went to the server since the last `cutAt`. */
  sent(): number
  /** The message of this number, from now on, is lost together with the line. */
  cutAt(message: number): void
  close(): Promise<void>
}

export async function startCutLine(target: string): Promise<CutLine> {
  const server = createServer()
  const lines = new WebSocketServer({ server })
  let [sent, last] = [0, Infinity]
  lines.on("connection", (near, request) => {
    const far = new WebSocket(new URL(request.url ?? "/", target), { perMessageDeflate: false })
    const opened = new Promise<void>((resolve) => far.once("open", () => resolve()))
    const cut = () => {
      near.terminate()
      far.terminate()
    }
    near.on("message", (data: Buffer) => {
      if (++sent >= last) cut()
      else void opened.then(() => far.send(data.toString()))
    })
    far.on("message", (data: Buffer) => near.send(data.toString()))
    for (const end of [near, far]) end.on("close", cut).on("error", cut)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = new URL(target)
  address.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address: address.href,
    sent: () => sent,
    cutAt(message) {
      ;[sent, last] = [0, message]
    },
    async close() {
      for (const line of lines.clients) line.terminate()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
