import { boundKeyGaps } from "./portability/bound-keys.js"
import { browserBoundGaps } from "./portability/browser-bound.js"
import { deviceBoundGaps } from "./portability/device-bound.js"
import { portabilityGap } from "./portability/gap.js"
import { halfGaps } from "./portability/halves.js"
import { pieceGaps } from "./portability/pieces.js"
import type { Gap } from "./report.js"
import type { Snapshot } from "./snapshot.js"

/** Most lines a person is asked to read; what is beyond is counted. */
const maxGaps = 30

/**
 * Why this session may not work anywhere else although all of it was captured: logins bound to a device, a browser or a
 * key, and logins of which a half is missing. It detects and names; nothing here, and nothing that reads it, gets round a
 * protection. `docs/portability.md` says what each line means and what cannot be detected.
 *
 * Pure and linear in the size of the snapshot. Values are looked at, but never in what is given back.
 *
 * @param seen what was seen while the site was open: `sessionHeaders` are origins that answered with
 *   `Secure-Session-Registration` or `Secure-Session-Challenge` (or the older `Sec-Session-*`).
 * @returns the surest and gravest first; at most 30 lines. Empty: nothing was found, which is no promise.
 */
export function portabilityGaps(snapshot: Snapshot, seen: { sessionHeaders?: string[] } = {}): Gap[] {
  const gaps = [
    ...boundKeyGaps(snapshot),
    ...halfGaps(snapshot),
    ...pieceGaps(snapshot),
    ...deviceBoundGaps(snapshot, seen.sessionHeaders ?? []),
    ...browserBoundGaps(snapshot),
  ]
  if (gaps.length <= maxGaps) return gaps
  const more = gaps.length - (maxGaps - 1)
  return [
    ...gaps.slice(0, maxGaps - 1),
    portabilityGap({
      where: snapshot.sites[0],
      what: `${more} more things`,
      why: "more of this session may not work elsewhere than can be listed here",
      fix: "Try the restored session, and log in again where it does not hold",
      count: more,
    }),
  ]
}
