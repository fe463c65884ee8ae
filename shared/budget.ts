import { utf8Length } from "./bytes.js"
import type { Gap } from "./report.js"
import { maxSnapshotBytes } from "./snapshot.js"

/**
 * What a session may still take: bytes of the JSON that is sealed, over all kinds. Whoever adds something to the session
 * takes its bytes first, and names what does not fit: a session that is too large as a whole could not be sealed at all.
 */
export interface Budget {
  readonly left: number
  /** False, and nothing is taken, when there is not as much left. */
  take(bytes: number): boolean
}

/** Left for what nobody counts: the report, and what stands around the kinds. */
const reserve = 1024 * 1024

/** @param bytes what the session may have; never more than an envelope holds */
export function createBudget(bytes: number): Budget {
  let left = Math.min(bytes, maxSnapshotBytes - reserve)
  return {
    get left() {
      return left
    },
    take(wanted) {
      if (wanted > left) return false
      left -= wanted
      return true
    },
  }
}

/** Bytes that a value has in the sealed JSON, as an item of a list: UTF-8, and a comma. */
export function jsonSize(value: unknown): number {
  return utf8Length(JSON.stringify(value)) + 1
}

/** As `jsonSize({ key, value })`, of text that is mostly printable ASCII: nothing is written down to be measured. */
export function recordSize({ key, value }: { key: string; value: string }): number {
  return '{"key":,"value":},'.length + textSize(key) + textSize(value)
}

function textSize(text: string): number {
  let size = text.length + 2
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e) return utf8Length(JSON.stringify(text))
    if (unit === 0x22 || unit === 0x5c) size++
  }
  return size
}

/** Where the person, or the programmer, finds the limits. */
export const raiseLimit = "raise the limit (Size limits in the popup, max in a program)"

export const sessionIsFull: Pick<Gap, "why" | "fix"> = {
  why: "the session is larger than the limit for one session",
  fix: `save less of the site, or ${raiseLimit}`,
}
