import { printable } from "./printable.js"
import { defaultAccount } from "./site.js"
import { timeText } from "./time-text.js"
import type { AccessEvent, EventBy, EventGap } from "./vault.js"

/** One line for people: when, what, where, by whom, with which tool, and by name what changed. */
export function auditLine(item: AccessEvent | EventGap): string {
  if (item.type === "gap") return `${timeText(item.at).padEnd(20)}  ! ${item.code}: ${printable(item.message)}`
  const { at, kind, site, account, by, tool, version, names, more, bot, reason, wasGranted } = item
  const where = siteText(site) + (account === defaultAccount ? "" : ` "${printable(account)}"`)
  const about = [
    ...(bot === null ? [] : [`${site === "" ? "device" : "to"} ${printable(bot.name)}`]),
    ...(reason === null ? [] : [reason]),
    ...(wasGranted || kind === "refused" ? [] : ["without a grant"]),
    ...names.slice(0, mostNames).map(printable),
    ...(names.length + more > mostNames ? [`${Math.max(names.length - mostNames, 0) + more} more`] : []),
  ]
  const columns = [timeText(at), kind.padEnd(9), where.padEnd(20), whoText(by).padEnd(16), toolText(tool, version)]
  return `${columns.join("  ")}${about.length === 0 ? "" : `: ${about.join("; ")}`}`
}

/** Of one event; files and programs get all of them. */
const mostNames = 6

/** For programs; the same as a line of JSON. */
export function auditJson(item: AccessEvent | EventGap): string {
  const { type, at, ...rest } = item
  return printable(JSON.stringify({ type, at, time: at === null ? null : new Date(at).toISOString(), ...rest }))
}

export const csvHeading =
  "time,what,site,account,by,fingerprint,is_bot,tool,version,about,about_fingerprint,reason,was_granted,changes,message"

/** RFC 4180, all of it quoted; of a gap the code and what it says. */
export function auditCsv(item: AccessEvent | EventGap): string {
  const by = [item.by?.name ?? "", item.by?.fingerprint ?? "", item.by === null ? "" : String(item.by.isBot)]
  const time = item.at === null ? "" : new Date(item.at).toISOString()
  if (item.type === "gap") return csvLine([time, item.code, "", "", ...by, "", "", "", "", "", "", "", item.message])
  const { kind, site, account, tool, version, bot, reason, wasGranted, names, more } = item
  const changes = [...names, ...(more === 0 ? [] : [`${more} more`])].join("; ")
  const about = [bot?.name ?? "", bot?.fingerprint ?? "", reason ?? "", String(wasGranted)]
  return csvLine([time, kind, site, account, ...by, tool, version, ...about, changes, ""])
}

/** A spreadsheet takes what begins like these for a formula, wherever it came from: OWASP, CSV injection. */
const formula = /^[=+\-@\t\r]/

function csvLine(cells: string[]): string {
  return cells
    .map(printable)
    .map((cell) => `"${(formula.test(cell) ? `'${cell}` : cell).replaceAll('"', '""')}"`)
    .join(",")
}

/** A site is ASCII; what a bot calls one need not be. */
function siteText(site: string): string {
  return printable(site).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

function whoText({ name, isBot }: EventBy): string {
  return `${isBot ? "bot " : ""}${printable(name)}`
}

function toolText(tool: string, version: string): string {
  return `${printable(tool)} ${printable(version)}`
}
