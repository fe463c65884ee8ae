import { openCdp, type CdpSession, type DrivenContext, type DrivenFrame, type DrivenPage } from "./driven-context.js"

/** The documents of a page, for reading only. */
export interface FrameReader {
  frames: ReadableFrame[]
  close(): Promise<void>
}

export interface ReadableFrame {
  url: string
  /** Addresses of the frames around it, the nearest first; none for the page's own document. */
  above: string[]
  /** The string that the expression gives. */
  evaluate(expression: string): Promise<string>
}

/**
 * Opens the page for reading. On Chromium expressions run in a world of their own, where what the page did to the builtins
 * and its Content Security Policy do not count; elsewhere in the page's own world, the only one that Playwright opens.
 */
export async function openFrames(context: DrivenContext, page: DrivenPage): Promise<FrameReader> {
  const cdp = await openCdp(context, page)
  if (cdp === null) return { frames: page.frames().map(inOwnWorld), close: () => Promise.resolve() }
  const sessions = [cdp]
  const frames = await framesOf(cdp, [])
  // A frame in a process of its own is missing in the tree of the page, and has a session of its own.
  for (const frame of page.frames()) {
    if (frames.some(({ url }) => withoutHash(url) === withoutHash(frame.url()))) continue
    const own = await context.newCDPSession(frame).catch(() => null)
    if (own === null) continue
    sessions.push(own)
    frames.push(...(await framesOf(own, addressesAbove(frame))))
  }
  return {
    frames,
    close: async () => {
      await Promise.all(sessions.map((session) => session.detach().catch(() => undefined)))
    },
  }
}

interface FrameTree {
  frame: { id: string; url: string }
  childFrames?: FrameTree[]
}

async function framesOf(cdp: CdpSession, above: string[]): Promise<ReadableFrame[]> {
  const { frameTree } = (await cdp.send("Page.getFrameTree")) as { frameTree: FrameTree }
  const flatten = ({ frame, childFrames = [] }: FrameTree, around: string[]): ReadableFrame[] => [
    { url: frame.url, above: around, evaluate: evaluatorBeside(cdp, frame.id) },
    ...childFrames.flatMap((child) => flatten(child, [frame.url, ...around])),
  ]
  return flatten(frameTree, above)
}

/** All of one document's expressions run in the same world: what one leaves there, the next finds. */
function evaluatorBeside(cdp: CdpSession, frameId: string): ReadableFrame["evaluate"] {
  let world: Promise<unknown> | null = null
  return async (expression) => {
    world ??= cdp.send("Page.createIsolatedWorld", { frameId, worldName: "psp" })
    const { executionContextId: contextId } = (await world) as { executionContextId: number }
    const options = { expression, contextId, awaitPromise: true, returnByValue: true }
    const { result } = (await cdp.send("Runtime.evaluate", options)) as { result: { value?: unknown } }
    return textOf(result.value)
  }
}

function inOwnWorld(frame: DrivenFrame): ReadableFrame {
  return {
    url: frame.url(),
    above: addressesAbove(frame),
    evaluate: async (expression) => textOf(await frame.evaluate(expression)),
  }
}

function addressesAbove(frame: DrivenFrame): string[] {
  const addresses: string[] = []
  for (let above = frame.parentFrame(); above !== null; above = above.parentFrame()) addresses.push(above.url())
  return addresses
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("The page gave no answer")
  return value
}

function withoutHash(url: string): string {
  return url.replace(/#.*$/s, "")
}
