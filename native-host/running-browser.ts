import { PspError } from "../shared/errors.js"
import { connectBidiAddress } from "../shared/adapters/bidi/address.js"
import { openBidiContext } from "../shared/adapters/bidi/context.js"
import { connectCdpAddress } from "../shared/adapters/cdp/address.js"
import { openCdpContext } from "../shared/adapters/cdp/context.js"
import type { DrivenTarget } from "../shared/adapters/driven-context.js"
import type { LentContext } from "../shared/adapters/lent-context.js"

/** Where a browser listens that is running already; one of the two. */
export interface BrowserAddress {
  /** Chromium and its kin: `http://127.0.0.1:9222`, or the websocket itself. */
  cdp?: string
  /** Firefox: `ws://127.0.0.1:9222`. */
  bidi?: string
}

interface Limits {
  signal?: AbortSignal
  timeoutMs?: number
}

/**
 * Works in the default context of a running browser, over a connection that ends with the work; of the browser's own nothing
 * ends.
 *
 * @throws `bad-target` when no such browser is there, or it goes away; `usage` for no address
 */
export async function withRunningBrowser<Result>(
  address: BrowserAddress,
  limits: Limits,
  work: (target: DrivenTarget) => Promise<Result>,
): Promise<Result> {
  const context = await openContext(address, limits)
  try {
    return await work({ context, jar: context.jar })
  } finally {
    await context.close()
  }
}

async function openContext({ cdp, bidi }: BrowserAddress, limits: Limits): Promise<LentContext> {
  const { timeoutMs } = limits
  if (cdp !== undefined && bidi === undefined) {
    return openCdpContext(await connectCdpAddress(cdp, limits), null, timeoutMs)
  }
  if (bidi !== undefined && cdp === undefined) {
    return openBidiContext(await connectBidiAddress(bidi, limits), null, timeoutMs)
  }
  throw new PspError("usage", "Cannot reach a browser: say where it listens, with either --cdp URL or --bidi URL")
}
