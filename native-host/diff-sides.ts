import { PspError } from "../shared/errors.js"
import { sitesIn, snapshotOf } from "../shared/formats/found.js"
import { defaultAccount } from "../shared/site.js"
import type { Snapshot } from "../shared/snapshot.js"
import type { CommandContext, CommonOptions } from "./command.js"
import { readEnvelope } from "./envelope-file.js"
import { readFound } from "./found-file.js"
import { findSession, openVaultFor } from "./sessions.js"

/** One of two sessions that are compared. */
export interface Side {
  /** As the person named it. */
  name: string
  /** The time that it was asked for, as typed. */
  at: string | null
  snapshot: Snapshot
  /** For programs: where it came from. */
  about: { name: string; at?: string; sites: string[]; account: string; capturedAt: number; from: string }
}

/**
 * Two sessions, each a site (`example.com`, `example.com#work`), a sealed file (`*.psp`) or another tool's file. A file is what has a
 * slash in its name, or ends in `.psp`, `.json`, `.txt`, `.har` or `.jar`. Of another tool's file the other session's sites are
 * taken; of two such files, all. Of two times the first is the left one's; a single one is the left one's where both are the same
 * session, and else of both.
 */
export async function openSides(
  context: CommandContext,
  options: CommonOptions,
  [a, b]: [string, string],
): Promise<[Side, Side]> {
  if (isForeign(a) && isForeign(b)) {
    const both = [await readFound(a, "compare"), await readFound(b, "compare")]
    const sites = [...new Set(both.flatMap(({ found }) => sitesIn(found).map(({ site }) => site)))].sort()
    return [await foreignSide(context, a, sites), await foreignSide(context, b, sites)]
  }
  const { at: [first, second] = [], ...rest } = options
  const atOf = (time: string | undefined) => (time === undefined ? rest : { ...rest, at: [time] })
  const [left, right] = [
    isForeign(a) ? null : await ownSide(context, atOf(first), a),
    isForeign(b) ? null : await ownSide(context, atOf(second ?? (a === b ? undefined : first)), b),
  ]
  const sites = (left ?? right)?.snapshot.sites ?? []
  return [left ?? (await foreignSide(context, a, sites)), right ?? (await foreignSide(context, b, sites))]
}

function isSealed(name: string): boolean {
  return name.endsWith(".psp")
}

function isForeign(name: string): boolean {
  return !isSealed(name) && (/[/\\]/.test(name.replace(/#.*$/s, "")) || /\.(?:json|txt|har|jar)$/i.test(name))
}

async function ownSide(context: CommandContext, options: CommonOptions, name: string): Promise<Side> {
  if (isSealed(name)) {
    const bytes = await readEnvelope(name, "compare")
    const { snapshot } = await (await openVaultFor(context, options)).openFile(bytes)
    return sideOf(name, snapshot, "sealed file")
  }
  const at = name.indexOf("#")
  const [site, account] = at === -1 ? [name, options.account] : [name.slice(0, at), name.slice(at + 1)]
  const does = { kind: "opened", tool: "psp diff" } as const
  const found = await findSession(context, { ...options, account: account ?? defaultAccount }, site, { does })
  return sideOf(name, found.session.snapshot, "vault", options.at?.[0])
}

async function foreignSide({ now }: CommandContext, path: string, sites: readonly string[]): Promise<Side> {
  const { found, format } = await readFound(path, "compare")
  const [first, ...others] = sites
  if (first === undefined)
    throw new PspError("nothing-to-capture", `Cannot compare ${path}: it holds nothing of any site`)
  const snapshot = snapshotOf(found, { sites: [first, ...others], account: defaultAccount, now: now(), format })
  return sideOf(path, snapshot, format)
}

function sideOf(name: string, snapshot: Snapshot, from: string, at?: string): Side {
  const { sites, account, capturedAt } = snapshot
  const about = { name, ...(at !== undefined && { at }), sites, account, capturedAt, from }
  return { name, at: at ?? null, snapshot, about }
}
