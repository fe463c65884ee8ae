import type { Readable, Writable } from "node:stream"
import { isPspError } from "../shared/errors.js"
import type { Frame } from "../shared/protocol.js"
import { createConversation, type Conversation } from "./conversation.js"
import { encodeFrame, parsePayload, readPayloads } from "./framing.js"
import { createHandlers, type Handlers } from "./handlers.js"
import { homeDir } from "./home.js"
import { isRunning } from "./processes.js"

export interface HostOptions {
  /** Exit after this long without a frame and without work in progress (ms). */
  idle?: number
  /** How often the parent is looked at (ms). */
  poll?: number
  /** How long work in progress may take once the browser is gone (ms): Chrome kills a host 2 s after closing its pipes. */
  grace?: number
  handlers?: Handlers
  stdin?: Readable
  stdout?: Writable
  parentPid?: () => number
  exit?: (code: number) => void
}

const signals = ["SIGTERM", "SIGINT", "SIGHUP"] as const

/**
 * The native host: answers the browser on stdin and stdout until it loses it, whichever way: stdin ends or closes, stdout
 * breaks (EPIPE), the parent dies, nothing comes for a minute, SIGTERM. Hosts that miss one of these pile up as orphans.
 */
export function runHost({
  idle = 60_000,
  poll = 1000,
  grace = 1500,
  handlers = createHandlers(homeDir()),
  stdin = process.stdin,
  stdout = process.stdout,
  parentPid = () => process.ppid,
  exit = (code) => process.exit(code),
}: HostOptions = {}): void {
  const parent = parentPid()
  let lastFrameAt = performance.now()
  let isLeaving = false

  const conversation = createConversation(handlers, write, () => leave(0))

  function write(frame: Frame): Promise<void> {
    return new Promise((resolve, reject) => {
      stdout.write(encodeFrame(frame), (error) => (error ? reject(error) : resolve()))
    })
  }

  /** Finishes the work in progress, within the grace, and ends the process. */
  function leave(code: number): void {
    if (isLeaving) return
    isLeaving = true
    clearInterval(looking)
    const end = () => {
      clearTimeout(patience)
      for (const signal of signals) process.off(signal, onSignal)
      exit(code)
    }
    const patience = setTimeout(end, grace)
    // The callback comes when everything written before it is out.
    void conversation.settled().then(() => stdout.write("", end))
  }

  function onSignal(): void {
    conversation.abort()
    leave(0)
  }

  function isIdle(): boolean {
    return performance.now() - lastFrameAt >= idle && !conversation.isBusy()
  }

  function look(): void {
    // POSIX gives an orphan another parent; Windows leaves it the number of the dead one.
    if (parentPid() !== parent || !isRunning(parent)) leave(0)
    // After a machine slept, frames may wait in the pipe: they are read before the second look.
    else if (isIdle()) setImmediate(() => isIdle() && leave(0))
  }

  const looking = setInterval(look, poll)
  stdout.on("error", () => leave(0))
  stdin.on("close", () => leave(0))
  for (const signal of signals) process.on(signal, onSignal)

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
