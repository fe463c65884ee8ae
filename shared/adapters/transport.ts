/** A line to a browser that carries whole messages of text: a websocket, or whatever the user's tool has. */
export interface Transport {
  send(message: string): void
  /** For the one who speaks the protocol; set before the first message can come. */
  onMessage: (message: string) => void
  onClose: () => void
  close(): void
}

/**
 * Hands each message on as what it says. A browser that sends something else, or what nobody can take, is no browser to go on
 * with: the line is closed, and nothing of the message is repeated.
 */
export function listenTo(transport: Transport, take: (message: object) => void): void {
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
}
