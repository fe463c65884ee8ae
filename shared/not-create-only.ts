import type { StoreWarning } from "./provider.js"

/** A store that may replace an object by other bytes. `what` says how that is known, as the beginning of a sentence. */
export function notCreateOnly(what: string): StoreWarning {
  const meaning =
    "a repeated save is harmless, as names end in the digest of the bytes, but whoever may write to it can replace an object"
  return { code: "not-create-only", message: `${what}: ${meaning}` }
}
