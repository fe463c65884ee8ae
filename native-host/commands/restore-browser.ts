import { restoreInto } from "../../shared/adapters/restore.js"
import { waitingOrigins, whenSeedsRest } from "../../shared/adapters/session-seed.js"
import type { DrivenContext } from "../../shared/adapters/driven-context.js"
import type { Gap, RestoreReport } from "../../shared/report.js"
import type { CommandContext, CommandResult } from "../command.js"
import { countsText } from "../counts-text.js"
import { usersToJson, takeSession, type InUseOptions } from "../in-use.js"
import { untilInterrupted } from "../interruption.js"
import { withRunningBrowser, type BrowserAddress } from "../running-browser.js"
import { verdictText } from "../login-guard.js"
import { printable } from "../terminal.js"

export type RestoreBrowserOptions = InUseOptions & BrowserAddress & { keep?: boolean; check?: boolean }

/** How long a tab may take to reach the origins whose sessionStorage waits for it (ms). */
const patience = 10_000

/**
 * The session into a browser that runs already. Tabs with sessionStorage are opened at the address where they were, and stay
 * open: that storage ends with its tab.
 */
export async function restoreIntoBrowser(
  context: CommandContext,
  options: RestoreBrowserOptions,
  site: string,
): Promise<CommandResult> {
  const { session, inUse } = await takeSession(context, options, site, { kind: "restored", tool: "psp restore" })
  const { snapshot } = session
  const tabs = (snapshot.tabs ?? []).filter(({ sessionStorage }) =>
    sessionStorage.some(({ items }) => items.length > 0),
  )
  const onProgress = (done: number, total: number) => context.progress({ doing: "Restoring", done, total })
  const told = `nothing is half done within one origin; run the same command again to restore the rest of ${session.site}`
  const report = await untilInterrupted(context.interrupted(), told, (signal) =>
    withRunningBrowser(options, { signal }, async (target) => {
      const restored = await restoreInto(target, snapshot, {
        signal,
        onProgress,
        existing: options.keep === true ? "keep" : "replace",
        openTabs: tabs.map(({ id }) => id),
        check: options.check === true,
      })
      return withUnvisited(restored, await unvisited(target.context))
    }),
  )
  const all = [...snapshot.report.gaps, ...report.gaps]
  const { check } = report
  const found = check === undefined ? "" : `\n${verdictText(check)}`
  // Who asks wants to know that one is logged in: unclear is not enough.
  const isLacking = options.strict === true && check !== undefined && check.result !== "logged-in"
  return {
    text: `Restored ${session.site}, account "${printable(session.account)}": ${countsText(report.set)}${found}`,
    json: { site: session.site, account: session.account, ...report, ...usersToJson(inUse), gaps: all },
    gaps: all,
    ...(isLacking ? { exitCode: 8 } : {}),
  }
}

/** The connection ends with this command, and with it what no tab has taken by then. */
async function unvisited(context: DrivenContext): Promise<string[]> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patience)
  })
  await Promise.race([whenSeedsRest(context), late])
  clearTimeout(timer)
  return waitingOrigins(context)
}

function withUnvisited(report: RestoreReport, origins: string[]): RestoreReport {
  const gaps = origins.map((where): Gap => {
    const why = "its tab did not go to this origin, and nothing waits in a browser that psp has left"
    return { kind: "sessionStorage", where, what: "the storage", why, fix: "restore with an adapter", count: 1 }
  })
  return { ...report, ok: report.ok && gaps.length === 0, gaps: [...report.gaps, ...gaps] }
}
