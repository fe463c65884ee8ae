import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"

export interface CountingProxy {
  port: number
  /** What went through since the last look. */
  take(): { requests: number; sent: number; received: number }
  stop(): Promise<void>
}

/** Passes bytes on to a port of 127.0.0.1 and counts them; what begins a request is found by a pattern (no base64 has it). */
export async function startCountingProxy(target: number, request: RegExp): Promise<CountingProxy> {
  const sockets = new Set<Socket>()
  let count = { requests: 0, sent: 0, received: 0 }
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target, host: "127.0.0.1", noDelay: true })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket))
    }
    client.on("data", (chunk: Buffer) => {
      count.sent += chunk.length
      count.requests += chunk.toString("latin1").match(request)?.length ?? 0
    })
    upstream.on("data", (chunk: Buffer) => {
      count.received += chunk.length
    })
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    take() {
      const taken = count
      count = { requests: 0, sent: 0, received: 0 }
      return taken
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, "close")
    },
  }
}
