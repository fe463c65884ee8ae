import { diffSnapshots, type SnapshotDiff } from "../diff.js"
import type { Kind } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { CaptureOptions, DiffOptions } from "./adapter.js"
import { captureFrom } from "./capture.js"
import type { DrivenTarget } from "./driven-context.js"

/**
 * What changed in a context since a snapshot, whatever tool drives it: the same sites, kinds and origins are captured again
 * and compared, by name; values are told as short hashes. Pages are not disturbed and no request is made.
 *
 * What cannot be seen is no difference and stands in `notCompared`: sessionStorage that no open tab shows, storage of frames
 * that are not open, and the browser context where no page of the site is.
 *
 * @throws as a capture does
 */
export async function diffFrom(
  target: DrivenTarget,
  snapshot: Snapshot,
  options: DiffOptions,
  tool: string,
): Promise<SnapshotDiff> {
  const now = await captureFrom(target, againOptions(snapshot, options), tool)
  return diffSnapshots(onlyKinds(snapshot, options.kinds), now)
}

/** A capture of what the snapshot has, and of nothing else. */
function againOptions(snapshot: Snapshot, { kinds, ...options }: DiffOptions): CaptureOptions {
  const { sites, account } = snapshot
  const [site, ...alsoSites] = sites
  const wanted = kindsIn(snapshot).filter((kind) => kinds?.includes(kind) ?? true)
  const origins = (snapshot.origins ?? []).filter(({ partition }) => partition === null).map(({ origin }) => origin)
  return { ...options, site, alsoSites, account, kinds: wanted, origins }
}

/** What was captured of it. */
export function kindsIn({ cookies, origins = [], tabs, context }: Snapshot): Kind[] {
  const found: [Kind, boolean][] = [
    ["cookies", cookies !== undefined],
    ["localStorage", origins.some(({ localStorage }) => localStorage !== undefined)],
    ["sessionStorage", tabs !== undefined],
    ["indexedDB", origins.some(({ indexedDB }) => indexedDB !== undefined)],
    ["context", context !== undefined],
    ["opfs", origins.some(({ opfs }) => opfs?.entries !== undefined)],
  ]
  return found.filter(([, isThere]) => isThere).map(([kind]) => kind)
}

function onlyKinds(snapshot: Snapshot, kinds: DiffOptions["kinds"]): Snapshot {
  if (kinds === undefined) return snapshot
  const { cookies, tabs, context, origins, ...rest } = snapshot
  const has = (kind: Kind) => kinds.includes(kind)
  return {
    ...rest,
    ...(cookies !== undefined && has("cookies") ? { cookies } : {}),
    ...(tabs !== undefined && has("sessionStorage") ? { tabs } : {}),
    ...(context !== undefined && has("context") ? { context } : {}),
    ...(origins === undefined
      ? {}
      : {
          origins: origins.map(({ localStorage, indexedDB, opfs, ...place }) => ({
            ...place,
            ...(localStorage !== undefined && has("localStorage") ? { localStorage } : {}),
            ...(indexedDB !== undefined && has("indexedDB") ? { indexedDB } : {}),
            ...(opfs !== undefined && has("opfs") ? { opfs } : {}),
          })),
        }),
  }
}
