import type { ErrorCode } from "../shared/errors.js"
import type { RequestType } from "../shared/protocol.js"

/**
 * What the host remembers of its work: `log/host.jsonl` in PSP_HOME, one JSON line for each event.
 *
 *     {"time":"2027-01-31T12:00:00.000Z","pid":4711,"event":"end","type":"put","object":"1f…","bytes":5120,"ms":3}
 *
 * An event has room for names of this project, numbers and codes only. No message, address, card or other text that came
 * from outside fits in, so none can be written by accident.
 */
export type LogEvent =
  | { event: "start"; version: string; node: string; platform: string }
  /** `code`: why the store could not be used. */
  | { event: "hello"; protocol: number; version: string | null; store: string; code?: ErrorCode }
  | {
      event: "end"
      type: RequestType | "unknown"
      /** The beginning of the object's digest, where the request names an object of the vault. */
      object?: string
      /** What came and what was answered. */
      bytes: number
      ms: number
      code?: ErrorCode
    }
  /** The other end gave up a request, or everything. */
  | { event: "abort"; of: "request" | "conversation"; code: ErrorCode }
  /** The other end broke the protocol. */
  | { event: "fault"; code: ErrorCode }
  | { event: "leave"; why: LeaveReason; exit: number }
  | { event: "crash"; name: string; report: string | null }
  /** So many events did not fit in what waits to be written. */
  | { event: "dropped"; count: number }

export type LeaveReason =
  "stdin-ended" | "stdin-broke" | "stdout-broke" | "parent-gone" | "idle" | "signal" | "given-up" | "garbled"

export interface HostLog {
  /** Remembers an event; costs no more than a place in a list. */
  record: (event: LogEvent) => void
  /** Resolves when what was recorded is written, or could not be. Never rejects. */
  flush: () => Promise<void>
  /** Writes what is known of a fault that ends the process: a line, and a report beside the log. Never rejects. */
  crash: (error: unknown, origin: string) => Promise<void>
}

export type TimedEvent = LogEvent & { at: number }

export interface HostLogOptions {
  /** How long events wait for others to be written with (ms): longer than a host takes to start and say hello. */
  delay?: number
  /** ms since epoch. */
  now?: () => number
}

/** A flood of broken frames must not fill the memory. */
const maxWaiting = 1000

/**
 * The log of one host process. What writes it is loaded with the first write, after the host has started; whatever
 * fails there is the log's loss and never the request's.
 */
export function createHostLog(
  home: string,
  env: Record<string, string | undefined> = process.env,
  { delay = 250, now = Date.now }: HostLogOptions = {},
): HostLog {
  let waiting: TimedEvent[] = []
  let dropped = 0
  let timer: NodeJS.Timeout | null = null
  let writing = Promise.resolve()

  function record(event: LogEvent): void {
    if (waiting.length >= maxWaiting) {
      dropped++
      return
    }
    waiting.push({ at: now(), ...event })
    timer ??= setTimeout(() => void flush(), delay).unref()
  }

  function flush(): Promise<void> {
    if (timer !== null) clearTimeout(timer)
    timer = null
    writing = writing.then(write).catch(() => undefined)
    return writing
  }

  async function write(): Promise<void> {
    const events = waiting
    waiting = []
    if (dropped > 0) events.push({ at: now(), event: "dropped", count: dropped })
    dropped = 0
    if (events.length === 0) return
    const { writeEvents } = await import("./log-lines.js")
    await writeEvents(home, env, events)
  }

  return {
    record,
    flush,
    async crash(error, origin) {
      try {
        const { reportCrash } = await import("./crash-report.js")
        record({ event: "crash", ...(await reportCrash(home, env, { error, origin, at: now() })) })
      } catch {
        record({ event: "crash", name: "unknown", report: null })
      }
      await flush()
    },
  }
}
