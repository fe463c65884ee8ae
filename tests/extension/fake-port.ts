import type { NativePort } from "../../extension/native-port.js"

/** A native port whose other end is the test. */
export interface FakePort extends NativePort {
  posted: unknown[]
  isOpen: boolean
  /** The host says something. */
  say(message: unknown): void
  /** The browser closes the port. */
  drop(reason?: { firefox?: string }): void
}

export function createFakePort(onPost: (message: unknown, port: FakePort) => void = () => undefined): FakePort {
  const onMessage: ((message: unknown) => void)[] = []
  const onDisconnect: ((port: NativePort) => void)[] = []
  const port: FakePort = {
    posted: [],
    isOpen: true,
    postMessage(message) {
      if (!port.isOpen) throw new Error("Attempting to use a disconnected port object")
      // Browsers clone or serialise: nothing is shared with the other end.
      const copy = JSON.parse(JSON.stringify(message)) as unknown
      port.posted.push(copy)
      queueMicrotask(() => onPost(copy, port))
    },
    disconnect() {
      port.isOpen = false
    },
    say(message) {
      for (const listener of onMessage) listener(message)
    },
    drop({ firefox } = {}) {
      port.isOpen = false
      if (firefox !== undefined) port.error = { message: firefox }
      for (const listener of onDisconnect) listener(port)
    },
    onMessage: { addListener: (listener) => void onMessage.push(listener) },
    onDisconnect: { addListener: (listener) => void onDisconnect.push(listener) },
  }
  return port
}
