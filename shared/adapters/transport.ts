/** A line to a browser that carries whole messages of text: a websocket, or whatever the user's tool has. */
export interface Transport {
  send(message: string): void
  /** For the one who speaks the protocol; set before the first message can come. */
  onMessage: (message: string) => void
  onClose: () => void
  close(): void
}
