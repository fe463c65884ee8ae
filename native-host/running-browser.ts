import { PspError } from "../shared/errors.js"
import { connectCdpAddress } from "../shared/adapters/cdp/address.js"
import { openCdpContext } from "../shared/adapters/cdp/context.js"
import type { DrivenTarget } from "../shared/adapters/driven-context.js"
import type { LentContext } from "../shared/adapters/lent-context.js"

/** Where a browser listens that is running already. */
export interface BrowserAddress {
  /** Chromium and its kin: `http://127.0.0.1:9222`, or the websocket itself. */
  cdp?: string
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
  { cdp }: BrowserAddress,
  limits: Limits,
  work: (target: DrivenTarget) => Promise<Result>,
): Promise<Result> {
  if (cdp === undefined) throw new PspError("usage", "Cannot reach a browser: say where it listens with --cdp URL")
  const context: LentContext = await openCdpContext(await connectCdpAddress(cdp, limits), null)
  try {
    return await work({ context, jar: context.jar })
  } finally {
    await context.close()
  }
}
