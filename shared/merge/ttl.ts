import { kinds, type Kind } from "../report.js"
import type { ChangeOptions } from "./changes.js"
import { kindsOf } from "./fields.js"

/** How long each kind is kept after it was saved (ms), by the person's rule; what has none is kept as long as the session. */
export type TtlRules = Partial<Record<Kind, number>>

/**
 * When the time of each field is over: of what belongs to several kinds the nearest end counts. That something was captured at all is
 * no value, and has no end.
 *
 * @param now of the save (ms since epoch)
 */
export function endsBy(rules: TtlRules, now: number): NonNullable<ChangeOptions["endOf"]> {
  return (path) => {
    if (path[0] === "area") return null
    const spans = kindsOf(path).flatMap((kind) => rules[kind] ?? [])
    return spans.length === 0 ? null : now + Math.min(...spans)
  }
}

export function isRuledKind(text: string): text is Kind {
  return (kinds as readonly string[]).includes(text)
}
