import { clockAt, type Clock } from "../hlc.js"
import { deletionsOf, livesOf, merge, type Live, type SessionState, type Stamp } from "../merge.js"
import { comparedText, type KnownFields, type Since } from "../merge/changes.js"
import { endCookiesIn } from "../merge/cookie-ends.js"
import { composeSnapshot, frameOf } from "../merge/compose.js"
import { describeField } from "../merge/describe.js"
import type { FieldId, Fields } from "../merge/fields.js"
import type { Refusal } from "../merge/rules.js"
import { baseToState, hasEnded, stateToBase } from "../merge/stamps.js"
import type { Gap } from "../report.js"
import type { Base } from "../session-payload.js"
import type { Snapshot } from "../snapshot.js"
import type { Collected } from "./collect.js"
import type { VaultState } from "./state.js"

/** What a session came to by merging. */
export interface Merged {
  snapshot: Snapshot
  /** All that it was merged from. Taking a large one apart takes a while, so it is done when asked for. */
  state: () => SessionState
  /** The snapshot as if nobody had found these fields. */
  without: (fields: ReadonlySet<FieldId>) => Snapshot
  /** True when one base alone is all of it. */
  isPlain: boolean
  /** What holds just this: to be sealed once more. */
  base: () => Base
  /** As `base`, with the stamp of each field, so that it may be sealed under a later one. */
  stamped: () => Base
  /** By writer id: up to which clock everything of that writer is in it. */
  heads: Record<string, Clock>
  /** Changes that could not be read. */
  unread: number
  /** What to compare the next capture with, so that only what changed since is saved. */
  since: () => Since
  /** Changes that their writer may not make: they never count, or wait for the person. */
  refused: Refusal[]
}

/** The snapshot that a base and what was merged into it come to now. */
export function mergedOf(vault: VaultState, base: Base, stamp: Stamp, collected?: Collected): Merged {
  const state = lazy(() => collected?.state() ?? baseToState(base.snapshot, base.stamps, stamp))
  const heads = collected?.heads ?? { ...base.heads, [stamp.writer]: stamp.clock }
  const isPlain = collected?.isPlain !== false
  const stamped = () => ({
    ...stateToBase(frameOf(base.snapshot), settled(state(), vault.now()), vault.now()),
    heads,
  })
  const whole = () => (isPlain && !holdsEnded(base, vault.now()) ? { ...base, heads } : stamped())
  const since = () => ({
    known: knownOf(state(), vault.now()),
    gone: deletionsOf(state()),
    digestOf: (json: string) => json,
    heads,
  })
  const unread = collected?.unread.length ?? 0
  const rest = {
    state,
    without: (fields: ReadonlySet<FieldId>) =>
      composeNow(base.snapshot, leaveOut(state(), fields), vault.now(), unread),
    since,
    isPlain,
    base: whole,
    stamped,
    heads,
    refused: collected?.refused ?? [],
    unread,
  }
  if (isPlain && (base.stamps?.ends.length ?? 0) === 0) return { ...rest, snapshot: base.snapshot }
  return { ...rest, snapshot: composeNow(base.snapshot, state(), vault.now(), unread) }
}

/** True for a base with values whose time is over: sealed once more it forgets them. */
export function holdsEnded({ stamps }: Base, now: number): boolean {
  if (stamps === undefined) return false
  // A hidden one without a value is forgotten already.
  return (
    stamps.ends.some(([end]) => end <= now) ||
    stamps.hidden.some(([, , , end, ...value]) => end !== null && end <= now && value.length > 0)
  )
}

/** Longer than anybody's envelope lasts unless a person chose so (ms): who comes later has nothing to say of what was before. */
const memoryOfDeletions = 90 * 24 * 60 * 60 * 1000

/** A whole state knows all that was before: it need not remember each deletion for ever. */
function settled(state: SessionState, now: number): SessionState {
  return merge(state, { fields: state.fields, floor: clockAt(Math.max(0, now - memoryOfDeletions)) })
}

function leaveOut({ fields, floor }: SessionState, left: ReadonlySet<FieldId>): SessionState {
  return { floor, fields: new Map([...fields].filter(([id]) => !left.has(id))) }
}

/** What of a state is there now, as a snapshot; what is over is named, and cookies end when they are to. */
function composeNow(frame: Snapshot, state: SessionState, now: number, unread: number): Snapshot {
  const fields: Fields = new Map()
  const ended: FieldId[] = []
  for (const [id, live] of livesOf(state)) {
    if (live.value === undefined || hasEnded(live, now)) ended.push(id)
    else fields.set(id, { value: inTime(live), rank: live.rank })
  }
  const gaps = [...frame.report.gaps, ...ended.map(endedGap), ...(unread > 0 ? [unreadGap(frame, unread)] : [])]
  return composeSnapshot({ ...frameOf(frame), gaps }, fields).snapshot
}

/** A cookie goes when the browser drops it: the nearest end counts. */
export function inTime({ field, value, expiresAt }: Live): unknown {
  return expiresAt === null ? value : endCookiesIn(field, value, expiresAt)
}

function endedGap(id: FieldId): Gap {
  const { kind, where, what } = describeField(id)
  return { kind, where, what, why: "it was to be kept until now", fix: "save the session again", count: 1 }
}

function unreadGap({ sites: [site] }: Snapshot, count: number): Gap {
  const what = count === 1 ? "1 change" : `${count} changes`
  return { kind: "site", where: site, what, why: "they cannot be read", fix: "run psp verify", count }
}

function knownOf(state: SessionState, now: number): KnownFields {
  const known = [...livesOf(state)].filter(([, live]) => live.value !== undefined && !hasEnded(live, now))
  return new Map(
    known.map(([id, { clock, writer, born, expiresAt, value }]) => [
      id,
      { clock, writer, born, expiresAt, digest: comparedText(value) },
    ]),
  )
}

function lazy<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => (made ??= { value: make() }).value
}
