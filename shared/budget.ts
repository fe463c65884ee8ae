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

/** Where the person, or the programmer, finds the limits. */
export const raiseLimit = "raise the limit (Size limits in the popup, max in a program)"

export const sessionIsFull: Pick<Gap, "why" | "fix"> = {
  why: "the session is larger than the limit for one session",
  fix: `save less of the site, or ${raiseLimit}`,
}

/** Natively; most text is ASCII, and then its length says it all. */
function utf8Length(text: string): number {
  return /[\x80-\uffff]/.test(text) ? encoder.encode(text).length : text.length
}

const encoder = new TextEncoder()
