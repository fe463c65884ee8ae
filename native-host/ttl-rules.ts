import { PspError } from "../shared/errors.js"
import { endsBy, isRuledKind, type TtlRules } from "../shared/merge/ttl.js"
import { kinds } from "../shared/report.js"
import { siteOf } from "../shared/site.js"
import { readConfig } from "./config.js"

/**
 * How long kinds are kept, as the person has set it: `ttl.sessionStorage` for all sites, `ttl.example.com.sessionStorage` for one,
 * which goes before. Values are spans such as `8h`.
 */
export async function endsFor(home: string, site: string, now: number): Promise<ReturnType<typeof endsBy>> {
  const { ttl = {} } = await readConfig(home)
  const rules: TtlRules = {}
  for (const kind of kinds) {
    const span = spanOf(ttl[`${site}.${kind}`] ?? ttl[kind] ?? "")
    if (span !== null) rules[kind] = span
  }
  return endsBy(rules, now)
}

const prefix = "ttl."

export function isTtlKey(key: string): boolean {
  return key.startsWith(prefix)
}

/** What stands in the configuration for that key. @throws `usage` */
export function ttlName(key: string): string {
  const name = key.slice(prefix.length)
  const at = name.lastIndexOf(".")
  const [site, kind] = at === -1 ? [null, name] : [name.slice(0, at), name.slice(at + 1)]
  if (isRuledKind(kind) && (site === null || siteOf(site) === site)) return name
  throw new PspError(
    "usage",
    `Cannot configure that: expected ttl.KIND or ttl.SITE.KIND, with one of ${kinds.join(", ")}`,
  )
}

const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** ms; null for what is no span. */
export function spanOf(text: string): number | null {
  const [, count = "", unit = ""] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? []
  const ms = unitMs[unit]
  return ms === undefined ? null : Number(count) * ms
}
