import { isPspError } from "../shared/errors.js"
import type { Frame } from "../shared/protocol.js"
import { createConversation, type Conversation } from "./conversation.js"
import { encodeFrame, parsePayload, readPayloads } from "./framing.js"
import { createHandlers } from "./handlers.js"
import { homeDir } from "./home.js"
import { isRunning } from "./processes.js"

/** Times in ms. */
export interface HostOptions {
  /** Exit after this long without a frame and without work in progress. */
  idle?: number
  /** How often the parent is looked at. */
  poll?: number
  /** How long work in progress may take once the browser is gone: Chrome kills a host 2 s after closing its pipes. */
  grace?: number
}

/**
 * The native host: answers the browser on stdin and stdout until it loses it, whichever way: stdin ends or closes, stdout
 * breaks (EPIPE), the parent dies, nothing comes for a minute, SIGTERM. Hosts that miss one of these pile up as orphans.
 */
export function runHost({ idle = 60_000, poll = 1000, grace = 1500 }: HostOptions = {}): void {
  const { stdin, stdout } = process
  const parent = process.ppid
  let lastFrameAt = performance.now()
  let isLeaving = false

  const conversation = createConversation(createHandlers(homeDir()), write, () => leave(0))

  function write(frame: Frame): Promise<void> {
    return new Promise((resolve, reject) => {
      stdout.write(encodeFrame(frame), (error) => (error ? reject(error) : resolve()))
    })
  }

  /** Finishes the work in progress, within the grace, and ends the process. */
  function leave(exitCode: number): void {
    if (isLeaving) return
    isLeaving = true
    setTimeout(() => process.exit(exitCode), grace)
    // The callback comes when everything written before it is out.
    void conversation.settled().then(() => stdout.write("", () => process.exit(exitCode)))
  }

  function onSignal(): void {
    conversation.abort()
    leave(0)
  }

  function look(): void {
    const isIdle = performance.now() - lastFrameAt >= idle && !conversation.isBusy()
    // POSIX gives an orphan another parent; Windows leaves it the number of the dead one.
    if (isIdle || process.ppid !== parent || !isRunning(parent)) leave(0)
  }

  stdout.on("error", () => leave(0))
  stdin.on("close", () => leave(0))
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, onSignal)
  setInterval(look, poll)

  void listen(stdin, conversation, () => (lastFrameAt = performance.now())).then(leave)
}

/** Takes frames until there are no more; gives back the exit code. */
async function listen(
  stdin: AsyncIterable<Uint8Array>,
  conversation: Conversation,
  onFrame: () => void,
): Promise<number> {
  try {
    for await (const payload of readPayloads(stdin)) {
      onFrame()
      try {
        conversation.receive(parsePayload(payload))
      } catch (error) {
        if (!isPspError(error)) throw error
        conversation.complain(error)
      }
    }
    return 0
  } catch (error) {
    if (isPspError(error)) conversation.complain(error)
    return 1
  }
}
