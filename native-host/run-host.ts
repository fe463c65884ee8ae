import type { Readable, Writable } from "node:stream"
import { isPspError } from "../shared/errors.js"
import type { Frame } from "../shared/protocol.js"
import { version } from "../shared/version.js"
import { createConversation, type Conversation } from "./conversation.js"
import { encodeFrame, parsePayload, readPayloads } from "./framing.js"
import { codeOf } from "./fs-errors.js"
import { createHandlers, type Handlers } from "./handlers.js"
import { homeDir } from "./home.js"
import { createHostLog, type HostLog, type LeaveReason } from "./host-log.js"
import { isRunning } from "./processes.js"

export interface HostOptions {
  /** Exit after this long without a frame and without work in progress (ms). */
  idle?: number
  /** How often the parent is looked at (ms). */
  poll?: number
  /** How long work in progress may take once the browser is gone (ms): Chrome kills a host 2 s after closing its pipes. */
  grace?: number
  handlers?: Handlers
  log?: HostLog
  stdin?: Readable
  stdout?: Writable
  parentPid?: () => number
  exit?: (code: number) => void
}

/** How long the log may take once everything else is done (ms). */
const logGrace = 200

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
  log = createHostLog(homeDir()),
  stdin = process.stdin,
  stdout = process.stdout,
  parentPid = () => process.ppid,
  exit = (code) => process.exit(code),
}: HostOptions = {}): void {
  const parent = parentPid()
  let lastFrameAt = performance.now()
  let isLeaving = false
  let crash: Promise<void> | null = null

  const { version: node, platform } = process
  log.record({ event: "start", version, node, platform })
  const conversation = createConversation(handlers, write, () => leave(0, "given-up"), log.record)

  function write(frame: Frame): Promise<void> {
    return new Promise((resolve, reject) => {
      stdout.write(encodeFrame(frame), (error) => (error ? reject(error) : resolve()))
    })
  }

  /** Finishes the work in progress, within the grace, and ends the process. */
  function leave(code: number, why: LeaveReason): void {
    if (isLeaving) return
    isLeaving = true
    clearInterval(looking)
    const end = once(() => {
      clearTimeout(patience)
      log.record({ event: "leave", why, exit: code })
      // Who leaves while a crash is written down waits for that.
      endAfter(Promise.all([log.flush(), crash]), logGrace, code)
    })
    const patience = setTimeout(end, grace)
    // The callback comes when everything written before it is out.
    void conversation.settled().then(() => stdout.write("", end))
  }

  function endAfter(work: Promise<unknown>, limit: number, code: number): void {
    const end = once(() => {
      clearTimeout(patience)
      for (const signal of signals) process.off(signal, onSignal)
      process.off("uncaughtException", onCrash)
      exit(crash === null ? code : 1)
    })
    const patience = setTimeout(end, limit)
    void work.then(end)
  }

  /** A fault that nobody caught: what else is going on can no longer be trusted. Rejections come here, too. */
  function onCrash(error: unknown, origin: string): void {
    if (crash !== null) return
    isLeaving = true
    clearInterval(looking)
    process.stderr.write("psp-host: ended by a fault of its own; psp doctor knows more\n")
    crash = log.crash(error, origin)
    endAfter(crash, grace, 1)
  }

  function onSignal(): void {
    conversation.abort()
    leave(0, "signal")
  }

  function isIdle(): boolean {
    return performance.now() - lastFrameAt >= idle && !conversation.isBusy()
  }

  function look(): void {
    // POSIX gives an orphan another parent; Windows leaves it the number of the dead one.
    if (parentPid() !== parent || !isRunning(parent)) leave(0, "parent-gone")
    // After a machine slept, frames may wait in the pipe: they are read before the second look.
    else if (isIdle()) setImmediate(() => isIdle() && leave(0, "idle"))
  }

  const looking = setInterval(look, poll)
  stdout.on("error", () => leave(0, "stdout-broke"))
  stdin.on("close", () => leave(0, "stdin-ended"))
  for (const signal of signals) process.on(signal, onSignal)
  process.on("uncaughtException", onCrash)

  void listen(stdin, conversation, () => (lastFrameAt = performance.now())).then(({ code, why }) => leave(code, why))
}

/** Takes frames until there are no more; gives back the exit code. @throws what no stream says, which is a fault of ours */
async function listen(
  stdin: AsyncIterable<Uint8Array>,
  conversation: Conversation,
  onFrame: () => void,
): Promise<{ code: number; why: LeaveReason }> {
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
    return { code: 0, why: "stdin-ended" }
  } catch (error) {
    if (isPspError(error)) conversation.complain(error)
    else if (codeOf(error) === "") throw error
    return { code: 1, why: isPspError(error) ? "garbled" : "stdin-broke" }
  }
}

function once(work: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    work()
  }
}
