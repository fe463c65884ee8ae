import type { LoginVerdict } from "./login-check.js"

/** What kinds of state a session is made of. One word each, the same in reports, options and the popup. */
export const kinds = ["cookies", "localStorage", "sessionStorage", "indexedDB", "context", "opfs"] as const
export type Kind = (typeof kinds)[number]

/** What a capture takes unless told: files of the origin's private file system only on request. */
export const defaultKinds: readonly Kind[] = kinds.filter((kind) => kind !== "opfs")

/** Kinds that are only named, never carried; `portability`: carried, but may not work elsewhere. */
export const gapKinds = [...kinds, "cacheStorage", "serviceWorker", "origin", "site", "portability"] as const
export type GapKind = (typeof gapKinds)[number]

/**
 * One thing that was not done, for a person to read. Names only: never a cookie or storage value.
 *
 * - `where`: the origin, cookie domain or site it concerns.
 * - `what`: the name of the thing (`cookie "sid"`, `key "token"`, `2 databases`).
 * - `why`: the reason in one clause.
 * - `fix`: what the person or programmer can do; `""` when nothing can be done.
 * - `count`: how many things this line stands for.
 */
export interface Gap {
  kind: GapKind
  where: string
  what: string
  why: string
  fix: string
  count: number
}

/** How many things of each kind were carried; a kind that is missing was not tried. */
export type Counts = Partial<Record<Kind, number>>

/** Travels inside the snapshot: what the capture took and what it did not. */
export interface CaptureReport {
  captured: Counts
  gaps: Gap[]
}

/**
 * What a restore did. `ok`: every piece of state that was captured is there. A context that differs from the captured one
 * (another user agent, language or time zone) is named in `gaps`, but loses no state: it belongs to how the context was made.
 */
export interface RestoreReport {
  ok: boolean
  set: Counts
  gaps: Gap[]
  /** Whether one is logged in, where that was asked; `ok` is false when one is not. */
  check?: LoginVerdict
}
