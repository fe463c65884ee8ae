import { browser } from "wxt/browser"
import * as v from "valibot"
import { idOf } from "../shared/merge/fields.js"
import { endsBy, type TtlRules } from "../shared/merge/ttl.js"
import { kinds, type Kind } from "../shared/report.js"
import type { LoadedSession, SaveEntry } from "../shared/vault.js"
import { readKept, updateKept } from "./db.js"

const hour = 60 * 60 * 1000

/** What the person can choose from (ms). */
export const keepSpans = [hour, 8 * hour, 24 * hour, 7 * 24 * hour] as const

/** As a span of one site: not limited there, whatever counts for all. */
export const unlimited = 0

const spanSchema = v.picklist([unlimited, ...keepSpans])
const rulesSchema = v.record(v.string(), v.fallback(v.optional(spanSchema), undefined))

/** How long kinds are kept that this browser saves, of all sites; times only, nothing of any site. */
export async function readKeepRules(): Promise<TtlRules> {
  const { keep = {} } = await browser.storage.local.get<{ keep?: unknown }>("keep")
  return limitedOnly(rulesOf(keep))
}

export async function writeKeepRules(rules: TtlRules): Promise<void> {
  await browser.storage.local.set({ keep: rules })
}

/** What goes before the rules of all sites, for each site that has rules of its own. */
export async function readSiteRules(): Promise<Map<string, TtlRules>> {
  return parseSiteRules(await readKept(keptName))
}

/** @param span ms, `unlimited`, or null: as at all sites */
export async function writeSiteRule(site: string, kind: Kind, span: number | null): Promise<void> {
  await changeSiteRules((rules) => void rules.set(site, withRule(rules.get(site) ?? {}, kind, span)))
}

/** @param span as `writeSiteRule` */
export function withRule(rules: TtlRules, kind: Kind, span: number | null): TtlRules {
  const others = Object.entries(rules).filter(([other]) => other !== kind)
  return Object.fromEntries(span === null ? others : [...others, [kind, span]])
}

/** From then on the site has none of its own. */
export async function dropSiteRules(site: string): Promise<void> {
  await changeSiteRules((rules) => void rules.delete(site))
}

/** What counts at a site. */
export async function keepRulesOf(site: string): Promise<TtlRules> {
  const [general, own] = await Promise.all([readKeepRules(), readSiteRules()])
  return limitedOnly({ ...general, ...own.get(site) })
}

/** For what is sealed now: when the time of each field is over. Nothing where no rule is set, which seals in fewer steps. */
export async function keepOptions(site: string): Promise<{ endOf?: ReturnType<typeof endsBy> }> {
  const rules = await keepRulesOf(site)
  return Object.keys(rules).length === 0 ? {} : { endOf: endsBy(rules, Date.now()) }
}

/** As each field ends where it is saved: to seal a session once more gives nothing more time. */
export function endsIn(session: LoadedSession): NonNullable<SaveEntry["endOf"]> {
  const { ends = [] } = session.stamped().stamps ?? {}
  const byField = new Map(ends.flatMap(([end, ids]) => ids.map((id) => [id, end] as const)))
  return (path) => byField.get(idOf(path)) ?? null
}

const keptName = "keepRules"

async function changeSiteRules(change: (rules: Map<string, TtlRules>) => void): Promise<void> {
  await updateKept(keptName, (before) => {
    const rules = parseSiteRules(before)
    change(rules)
    return JSON.stringify([...rules].filter(([, own]) => Object.keys(own).length > 0))
  })
}

function parseSiteRules(text: string | null): Map<string, TtlRules> {
  const all = v.parse(v.array(v.tuple([v.string(), v.unknown()])), JSON.parse(text ?? "[]"))
  return new Map(all.map(([site, rules]) => [site, rulesOf(rules)]))
}

/** Only what can be chosen is a rule. */
function rulesOf(value: unknown): TtlRules {
  const parsed = v.safeParse(rulesSchema, value)
  const spans = parsed.success ? parsed.output : {}
  return Object.fromEntries(kinds.flatMap((kind) => (spans[kind] === undefined ? [] : [[kind, spans[kind]]])))
}

function limitedOnly(rules: TtlRules): TtlRules {
  return Object.fromEntries(Object.entries(rules).filter(([, span]) => span !== unlimited))
}
