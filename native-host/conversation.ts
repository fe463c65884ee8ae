import { createChannel, type Message } from "../shared/channel.js"
import { toPspError, type ErrorCode, type PspError } from "../shared/errors.js"
import { errorHead, parseRequest, type Fault, type Frame, type Head, type Request } from "../shared/protocol.js"
import type { Call, Handlers, Reply } from "./handlers.js"
import type { LogEvent } from "./host-log.js"
import { endEvent, helloEvent } from "./request-events.js"

/** How many requests are worked on at a time; those after them wait, unacknowledged, with their sender. */
const maxRunning = 4

const nothing = new Uint8Array(0)

/** The host's side of the native port, from frame to frame; it knows no stream and no process. */
export interface Conversation {
  receive(value: unknown): void
  /** Tells the other end that what it sent could not even be read. */
  complain(error: PspError): void
  /** True while a request is worked on. A reply that nobody takes is no work. */
  isBusy(): boolean
  /** Resolves when no request is worked on; what fits of the replies has been posted by then. */
  settled(): Promise<void>
  /** Calls off what is in progress; a commit that has begun to rename is finished. */
  abort(): void
}

export function createConversation(
  handlers: Handlers,
  post: (frame: Frame) => void | Promise<void>,
  onEnd: () => void = () => undefined,
  record: (event: LogEvent) => void = () => undefined,
): Conversation {
  const running = new Map<number, AbortController>()
  const waiting: (() => void)[] = []
  const onSettled: (() => void)[] = []
  let working = 0
  const onFault = ({ code }: Fault) => record({ event: "fault", code })
  const channel = createChannel({ post, onMessage: take, onAbort, onFault })

  /** Resolves when the request is begun: only then is its last frame acknowledged. */
  async function take(message: Message): Promise<void> {
    if (running.size >= maxRunning) await new Promise<void>((resolve) => waiting.push(resolve))
    if (running.has(message.id)) {
      const broken = fault("its id belongs to a request that is not answered yet")
      channel.abort(message.id, broken)
      onFault(broken)
      return
    }
    const controller = new AbortController()
    running.set(message.id, controller)
    void answer(message, controller.signal).finally(() => {
      running.delete(message.id)
      waiting.shift()?.()
    })
  }

  async function answer({ id, head, body }: Message, signal: AbortSignal): Promise<void> {
    const begun = performance.now()
    let reply: { head: Head; body: Uint8Array }
    let code: ErrorCode | null = null
    working++
    try {
      const request = parseRequest(head)
      const { answer, body: replyBody = nothing } = await handle(handlers, request, { body, signal })
      reply = { head: { ...answer }, body: replyBody }
      const hello = helloEvent(request, answer)
      if (hello !== null) record(hello)
    } catch (error) {
      const typed = toPspError(error, "Answering the browser")
      code = typed.code
      if (code === "internal") tellOf(error)
      reply = { head: errorHead(typed), body: nothing }
    }
    record(endEvent(head, { bytes: body.length + reply.body.length, ms: performance.now() - begun, code }))
    const sent = channel.send({ id, ...reply })
    working--
    if (working === 0) for (const resolve of onSettled.splice(0)) resolve()
    // Nobody is left to tell when this fails: the request was given up, or the browser is gone.
    await sent.catch(() => undefined)
  }

  function onAbort(id: number, { code }: Fault): void {
    record({ event: "abort", of: id === 0 ? "conversation" : "request", code })
    if (id !== 0) return running.get(id)?.abort()
    abort()
    onEnd()
  }

  function abort(): void {
    for (const controller of running.values()) controller.abort()
  }

  return {
    receive: (value) => channel.receive(value),
    complain(error) {
      channel.abort(0, error)
      onFault(error)
    },
    isBusy: () => working > 0,
    settled: () => (running.size === 0 ? Promise.resolve() : new Promise((resolve) => onSettled.push(() => resolve()))),
    abort,
  }
}

/** The map's type ties each function to its request; the compiler cannot follow that through a lookup. */
function handle(handlers: Handlers, request: Request, call: Call): Promise<Reply> {
  const handler = handlers[request.type] as (request: Request, call: Call) => Promise<Reply>
  return handler(request, call)
}

function fault(why: string): Fault {
  return { code: "bad-message", message: `Cannot take a request on the native port: ${why}` }
}

/** For who watches stderr: where a fault of ours came from. Its message may hold anything. */
function tellOf(error: unknown): void {
  void import("./error-facts.js").then(({ factsOf }) => {
    const { name, frames } = factsOf(error)
    process.stderr.write(`psp-host: ${[name, ...frames].join("\n    ")}\n`)
  })
}
