import { captureFrom } from "../../shared/adapters/capture.js"
import { countsText } from "../counts-text.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { untilInterrupted } from "../interruption.js"
import { withRunningBrowser, type BrowserAddress } from "../running-browser.js"
import { openVaultFor } from "../sessions.js"
import { printable } from "../terminal.js"

export type CaptureBrowserOptions = CommonOptions & BrowserAddress

/** The session of a site out of a browser that runs already, sealed into the vault. */
export async function captureFromBrowser(
  context: CommandContext,
  options: CaptureBrowserOptions,
  site: string,
): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const { account } = options
  const snapshot = await untilInterrupted(context.interrupted(), "nothing was saved", (signal) =>
    withRunningBrowser(options, { signal }, (target) =>
      captureFrom(target, { site, signal, ...(account === undefined ? {} : { account }) }, "psp"),
    ),
  )
  const { captured, gaps } = snapshot.report
  await vault.save(snapshot)
  return {
    text: `Saved ${snapshot.sites[0]}, account "${printable(snapshot.account)}": ${countsText(captured)}`,
    json: { site: snapshot.sites[0], account: snapshot.account, captured, gaps },
    gaps,
  }
}
