import { PspError } from "../../shared/errors.js"
import { sitesIn, snapshotOf, type FoundSite } from "../../shared/formats/found.js"
import { guardLogin } from "../../shared/login-guard.js"
import { kinds } from "../../shared/report.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import type { BrowserAddress } from "../running-browser.js"
import { countsText } from "../counts-text.js"
import { readFound } from "../found-file.js"
import { captureFix, rememberedCheck } from "../login-guard.js"
import { openVaultFor, record } from "../sessions.js"
import { endsFor } from "../ttl-rules.js"
import { countText, printable, table, timeText } from "../terminal.js"

export type CaptureOptions = CommonOptions & BrowserAddress & { from?: string; format?: string; force?: boolean }

/**
 * Takes a session out of a running browser or another tool's file, seals it and saves it. Which site is never guessed: without
 * one it tells what is in the file and saves nothing.
 */
export async function capture(
  context: CommandContext,
  options: CaptureOptions,
  siteText: string | undefined,
): Promise<CommandResult> {
  const { from } = options
  if (from === undefined) {
    if (siteText === undefined)
      throw new PspError("usage", "Cannot capture: name the site, and where it is: --cdp, --bidi or --from")
    return (await import("./capture-browser.js")).captureFromBrowser(context, options, siteText)
  }
  const wanted = siteText === undefined ? null : parseSite(siteText)
  const { found, format } = await readFound(from, "capture from", options.format)
  const sites = sitesIn(found)
  if (wanted === null) return listed(from, format, sites, found.gaps)
  if (!sites.some(({ site }) => site === wanted)) {
    const held = sites.slice(0, 5).map(({ site }) => printable(site))
    const others = sites.length === 0 ? "of no site" : `of ${held.join(", ")}${sites.length > 5 ? " and others" : ""}`
    throw new PspError("not-found", `Cannot capture ${wanted} from ${from}: it holds nothing of it, but ${others}`)
  }
  const account = options.account ?? defaultAccount
  const now = context.now()
  const alone = snapshotOf(found, { sites: [wanted], account, now, format })
  const { captured } = alone.report
  if (Object.values(captured).every((count) => count === 0)) {
    throw new PspError("nothing-to-capture", `Cannot capture ${wanted} from ${from}: nothing of it is alive`)
  }
  const vault = await openVaultFor(context, options)
  const check = await rememberedCheck(vault, context, wanted, account)
  const { snapshot } = await guardLogin(alone, check, { isForced: options.force === true, fix: captureFix })
  const { gaps } = snapshot.report
  const { mark } = await vault.save(snapshot, { endOf: await endsFor(context.home, wanted, now) })
  await record(context, vault, {
    ...{ kind: "saved", site: wanted, account, tool: "psp capture" },
    names: [countsText(captured)],
  })
  const expiresAt = mark?.exp ?? null
  const counts = kinds.flatMap((kind) => (captured[kind] ? [`${kind} ${captured[kind]}`] : []))
  return {
    text: `Saved ${wanted}, account "${printable(account)}", from ${from} (${format}): ${counts.join(", ")}; ends ${timeText(expiresAt)}`,
    json: { site: wanted, account, format, captured, expiresAt, gaps },
    gaps,
  }
}

function listed(from: string, format: string, sites: FoundSite[], gaps: CommandResult["gaps"] & object): CommandResult {
  const rows = sites.map(({ site, ...counts }) => [site, ...Object.values(counts).map(String)])
  const headings = ["SITE", "COOKIES", "LOCALSTORAGE", "SESSIONSTORAGE", "DATABASES", "FILES"]
  const shown =
    sites.length === 0 ? "" : `\n${table(headings, rows)}\nName one to save it: psp capture SITE --from ${from}`
  return {
    text: `${from} (${format}) holds ${countText(sites.length, "site")}; nothing was saved${shown}`,
    json: { format, sites, gaps },
    gaps,
  }
}
