import type { SnapshotDiff } from "../diff.js"
import type { Kind, RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { OpenOptions, Session, SessionVault } from "./session.js"

/**
 * What every adapter promises: it captures a snapshot from the user's own object (a Playwright context, a Puppeteer browser)
 * and restores one into it. The object is described by the smallest shape that is used; its package is never imported.
 *
 * `restore`
 * - reaches the site with no request (`openTabs` and `check` do), leaves no tab, route or history entry behind, and keeps the user's own routes;
 * - has cookies and localStorage in place when it returns, and sessionStorage waiting for the next tab that visits its origin:
 *   there before the site's first script, once, and never again after a logout;
 * - reads back what it set and names the rest in the report: one bad cookie never costs the others;
 * - throws only when nothing sensible can be done: `bad-target`, `aborted`, `usage`.
 *
 * `open` gives a session of the vault whose `restore` and `save` do the same, and send back what changed.
 *
 * `diff` captures the snapshot's own sites, kinds and origins again, and says by name what changed since.
 */
export interface Adapter<Target> {
  capture(target: Target, options: CaptureOptions): Promise<Snapshot>
  restore(target: Target, snapshot: Snapshot, options?: RestoreOptions): Promise<RestoreReport>
  diff(target: Target, snapshot: Snapshot, options?: DiffOptions): Promise<SnapshotDiff>
  open(vault: SessionVault, site: string, options?: OpenOptions): Promise<Session<Target>>
}

export interface DiffOptions {
  signal?: AbortSignal
  /** ms that any one step may take; 30 s unless told. */
  timeoutMs?: number
  /** Only these kinds; all that the snapshot has unless told. */
  kinds?: readonly Kind[]
}

export interface RestoreOptions {
  /** Calls the restore off: it stops with `aborted`, and what was already set stays set. */
  signal?: AbortSignal
  /** ms that any one step (set cookies, fill one origin, …) may take; 30 s unless told. */
  timeoutMs?: number
  /** Only these kinds; all unless told. */
  kinds?: readonly Kind[]
  /** `id` of the captured tab whose sessionStorage the next tab gets; the first one unless told. */
  tab?: string
  /**
   * Opens a page for each of these captured tabs (`id`), each with its own sessionStorage, at the address where it was: the
   * site is asked for it. No tab waits for the next page then.
   */
  openTabs?: "all" | readonly string[]
  /**
   * What becomes of state of the same kind that the target already has for the session's sites (cookies) and origins
   * (storage): it goes, so that two logins never mix (`replace`), or stays beside what is restored (`keep`).
   */
  existing?: "replace" | "keep"
  /**
   * Looks afterwards, in a page that closes again, whether one is logged in: at the page that the session remembers, or at
   * that of its first tab. The site is asked for it. The answer is `check` in the report.
   */
  check?: boolean
  /** Called when an origin has its storage: how many have, of how many. */
  onProgress?: (done: number, total: number) => void
}

export interface CaptureOptions {
  /** The site (`example.com`) whose session is captured. */
  site: string
  /** The person's label for this login; `default` unless told. */
  account?: string
  signal?: AbortSignal
  /** ms that any one step may take; 30 s unless told. */
  timeoutMs?: number
  /** Only these kinds; all but `opfs` unless told. */
  kinds?: readonly Kind[]
  /** Sites that the login leans on (an identity provider), captured with it. */
  alsoSites?: readonly string[]
  /** Most bytes, as they are sealed, of a database, an origin and the session; 48, 48 and 64 MiB unless told. */
  max?: { database?: number; origin?: number; session?: number }
  /** Origins of the sites that no open page shows, whose localStorage and databases are wanted too. */
  origins?: readonly string[]
}
