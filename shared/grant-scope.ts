import type { Kind } from "./report.js"
import type { OriginState, Snapshot } from "./snapshot.js"

/**
 * The part of a snapshot that a grant covers. Everything else is missing in it, as if it had not been captured: that is what
 * is sealed to the bot, so nothing depends on what the bot does with it. Names of origins, tabs and gaps of other kinds go too.
 */
export function scopeSnapshot(snapshot: Snapshot, kinds: "all" | readonly Kind[]): Snapshot {
  if (kinds === "all") return snapshot
  const { schema, sites, account, capturedAt, capturedBy, cookies, tabs, context, report } = snapshot
  const has = (kind: Kind) => kinds.includes(kind)
  const captured = Object.entries(report.captured).filter(([kind]) => (kinds as readonly string[]).includes(kind))
  const origins = snapshot.origins?.flatMap((origin) => scopeOrigin(origin, has))
  return {
    schema,
    sites,
    account,
    capturedAt,
    capturedBy,
    ...(cookies !== undefined && has("cookies") ? { cookies } : {}),
    ...(origins !== undefined && ownedByOrigins.some(has) ? { origins } : {}),
    ...(tabs !== undefined && has("sessionStorage") ? { tabs } : {}),
    ...(context !== undefined && has("context") ? { context } : {}),
    report: {
      captured: Object.fromEntries(captured),
      gaps: report.gaps.filter(({ kind }) => (kinds as readonly string[]).includes(kind)),
    },
  }
}

const ownedByOrigins = ["localStorage", "indexedDB", "opfs"] as const satisfies Kind[]

/** An origin without any of what was granted is not even named. */
function scopeOrigin({ origin, partition, ...rest }: OriginState, has: (kind: Kind) => boolean): OriginState[] {
  const { localStorage, indexedDB, opfs } = rest
  const scoped = {
    ...(localStorage !== undefined && has("localStorage") ? { localStorage } : {}),
    ...(indexedDB !== undefined && has("indexedDB") ? { indexedDB } : {}),
    ...(opfs !== undefined && has("opfs") ? { opfs } : {}),
  }
  return Object.keys(scoped).length === 0 ? [] : [{ origin, partition, ...scoped }]
}
