import { captureFrom } from "../../shared/adapters/capture.js"
import { lookAgain } from "../../shared/adapters/check-login.js"
import { guardLogin } from "../../shared/login-guard.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import { countsText } from "../counts-text.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { untilInterrupted } from "../interruption.js"
import { captureFix, rememberedCheck, verdictText } from "../login-guard.js"
import { withRunningBrowser, type BrowserAddress } from "../running-browser.js"
import { endsFor } from "../ttl-rules.js"
import { openVaultFor, record } from "../sessions.js"
import { printable } from "../terminal.js"

export type CaptureBrowserOptions = CommonOptions & BrowserAddress & { force?: boolean }

/**
 * The session of a site out of a browser that runs already, sealed into the vault. Where the saved one remembers how being
 * logged in looks, a page of that browser is looked at first, in a tab that closes again.
 *
 * @throws `logged-out`
 */
export async function captureFromBrowser(
  context: CommandContext,
  options: CaptureBrowserOptions,
  site: string,
): Promise<CommandResult> {
  const vault = await openVaultFor(context, options)
  const { account = defaultAccount } = options
  const check = await rememberedCheck(vault, context, parseSite(site), account)
  const isForced = options.force === true
  const { snapshot, verdict } = await untilInterrupted(context.interrupted(), "nothing was saved", (signal) =>
    withRunningBrowser(options, { signal }, async (target) => {
      const captured = await captureFrom(target, { site, signal, account }, "psp")
      return guardLogin(captured, check, {
        isForced,
        fix: captureFix,
        look: (found) => lookAgain(target, found, { doing: "capture session", signal }),
      })
    }),
  )
  const { captured, gaps } = snapshot.report
  await vault.save(snapshot, { endOf: await endsFor(context.home, snapshot.sites[0], context.now()) })
  await record(context, vault, {
    ...{ kind: "saved", site: snapshot.sites[0], account: snapshot.account, tool: "psp capture" },
    names: [countsText(captured)],
  })
  return {
    text: `Saved ${snapshot.sites[0]}, account "${printable(snapshot.account)}": ${countsText(captured)}${verdict === null ? "" : `\n${verdictText(verdict)}`}`,
    json: {
      site: snapshot.sites[0],
      account: snapshot.account,
      captured,
      gaps,
      ...(verdict === null ? {} : { check: verdict }),
    },
    gaps,
  }
}
