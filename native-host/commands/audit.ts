import { auditCsv, auditJson, auditLine, csvHeading } from "../../shared/audit-lines.js"
import { toPspError } from "../../shared/errors.js"
import { together } from "../../shared/gap-runs.js"
import { createBell } from "../../shared/providers/bell.js"
import { parseSite } from "../../shared/site.js"
import type { AccessEvent, EventGap, EventsOptions, Vault } from "../../shared/vault.js"
import { isStoreFault } from "../../shared/vault/faults.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { openVaultFor, parseTime, spanOf } from "../sessions.js"
import { createEars, rest, usualWhenNot, usualWhenTold } from "../store-ears.js"
import { countText, printable } from "../terminal.js"

export type AuditOptions = CommonOptions & {
  bot?: string
  site?: string
  since?: string
  until?: string
  follow?: boolean
  csv?: boolean
}

/**
 * Who opened, restored, saved, handed over, took back and was refused what: a line for each, as it is read, in order of time, with
 * what is wrong with the history in its place. The exit status is 5 where something was removed, changed or written by others.
 */
export async function audit(context: CommandContext, options: AuditOptions): Promise<CommandResult> {
  const { print, now } = context
  const { bot, site, since, until, csv, json } = options
  const filter: EventsOptions = {
    ...(bot !== undefined && { bot }),
    ...(site !== undefined && { site: parseSite(site) }),
    ...(since !== undefined && { since: parseBack(since, now()) }),
    ...(until !== undefined && { until: parseBack(until, now()) }),
  }
  const vault = await openVaultFor(context, options)
  const lineOf = json === true ? auditJson : csv === true ? auditCsv : auditLine
  const found = { events: 0, gaps: 0, isBad: false }
  const tell = (item: AccessEvent | EventGap) => {
    if (csv === true && found.events + found.gaps === 0) print(csvHeading)
    print(lineOf(item))
    found[item.type === "event" ? "events" : "gaps"]++
    if (item.type === "gap" && bad.has(item.code)) found.isBad = true
  }
  if (options.follow === true) await follow(context, vault, filter, tell)
  else for await (const item of together(vault.events(filter))) tell(item)
  const gaps = found.gaps === 0 ? "" : `, ${countText(found.gaps, "line")} about what is wrong with them`
  if (options.follow !== true) context.say(`${countText(found.events, "event")} of the last 90 days${gaps}`)
  return { text: "", json: undefined, ...(found.isBad ? { exitCode: 5 } : {}) }
}

/** Not what a wrong clock, a late store, two runs at once, or an owner device of later can be the cause of. */
const bad: ReadonlySet<EventGap["code"]> = new Set([
  "missing",
  "reordered",
  "rolled-back",
  "foreign",
  "not-trusted",
  "damaged",
])

/** Events may come this late (ms): clocks differ, and stores take their time to show what was put. */
const lookBack = 10 * 60 * 1000

async function follow(
  { interrupted, now, say }: CommandContext,
  vault: Vault,
  filter: EventsOptions,
  tell: (item: AccessEvent | EventGap) => void,
): Promise<void> {
  const signal = interrupted()
  const bell = createBell()
  const ears = createEars(vault, bell, signal)
  // What was told lately, with its time.
  const told = new Map<string, number>()
  let trouble: string | null = null
  const isStopped = () => signal.aborted
  for (let from: number | null = null; !isStopped();) {
    ears.listen()
    const began = now()
    const since = from === null ? filter.since : Math.max(from, filter.since ?? -Infinity)
    try {
      const options = { ...filter, ...(since !== undefined && { since }), strangers: from === null, signal }
      for await (const item of vault.events(options)) {
        const key = item.type === "event" ? item.name : `${item.code} ${item.by?.fingerprint ?? ""} ${item.at ?? ""}`
        if (told.has(key)) continue
        told.set(key, Math.max(item.at ?? began, began - lookBack))
        tell(item)
      }
      from = began - lookBack
      for (const [key, at] of told) if (at < from - lookBack) told.delete(key)
      trouble = null
    } catch (error) {
      if (isStopped()) break
      const fault = toPspError(error, "Following")
      if (from === null || !isStoreFault(fault.code)) throw fault
      if (trouble !== fault.code) say(printable(fault.message))
      trouble = fault.code
    }
    await rest(bell, signal, ears.areOpen() ? usualWhenTold : usualWhenNot)
  }
}

/** ms since epoch of a date, or of a span until now (`8h`, `7d`). @throws `usage` */
function parseBack(text: string, now: number): number {
  const span = spanOf(text)
  return span === null ? parseTime(text) : now - span
}
