import { auditCsv, auditJson, csvHeading } from "../shared/audit-lines.js"
import { together } from "../shared/gap-runs.js"
import { parseSite } from "../shared/site.js"
import type { AccessEvent, EventGap } from "../shared/vault.js"
import { withReadingHost } from "./host.js"

/** As the person typed it; empty for all. */
export interface HistoryFilter {
  /** A name, six words or a card. */
  bot: string
  site: string
  /** Days, as `2027-01-31`, by the clock on the wall. */
  from: string
  to: string
}

export interface HistoryView {
  /** The newest ones, the newest first. */
  lines: (AccessEvent | EventGap)[]
  /** How many there are with those that are not shown. */
  count: number
}

/** So many are on the screen; a file holds all. */
const mostShown = 200

/** @throws `not-owner`, `bad-card`, what is wrong with the filter, and what the host or the store answers */
export async function readHistory(filter: HistoryFilter, signal?: AbortSignal): Promise<HistoryView> {
  const view: HistoryView = { lines: [], count: 0 }
  await eachOf(filter, signal, (item) => {
    view.count++
    view.lines.push(item)
    if (view.lines.length > mostShown) view.lines.shift()
  })
  view.lines.reverse()
  return view
}

/** The whole of it as a file, oldest first. @throws as `readHistory` */
export async function exportHistory(filter: HistoryFilter, format: "csv" | "jsonl"): Promise<Blob> {
  const lines = format === "csv" ? [`${csvHeading}\r\n`] : []
  await eachOf(filter, undefined, (item) => {
    lines.push(format === "csv" ? `${auditCsv(item)}\r\n` : `${auditJson(item)}\n`)
  })
  return new Blob(lines, { type: format === "csv" ? "text/csv;charset=utf-8" : "application/jsonl;charset=utf-8" })
}

async function eachOf(
  { bot, site, from, to }: HistoryFilter,
  signal: AbortSignal | undefined,
  tell: (item: AccessEvent | EventGap) => void,
): Promise<void> {
  const options = {
    ...(bot.trim() === "" ? {} : { bot: bot.trim() }),
    ...(site.trim() === "" ? {} : { site: parseSite(site.trim()) }),
    ...(from === "" ? {} : { since: startOf(from) }),
    ...(to === "" ? {} : { until: startOf(to, 1) - 1 }),
    ...(signal === undefined ? {} : { signal }),
  }
  await withReadingHost(async (vault) => {
    for await (const item of together(vault.events(options))) tell(item)
  })
}

/** ms since epoch of midnight here, so many days later. */
function startOf(day: string, later = 0): number {
  const date = new Date(`${day}T00:00`)
  date.setDate(date.getDate() + later)
  return date.getTime()
}
