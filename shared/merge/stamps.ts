import * as v from "valibot"
import { PspError } from "../errors.js"
import { isClock, type Clock } from "../hlc.js"
import { beginning, livesOf, stateOf, type Live, type Register, type SessionState, type Stamp } from "../merge.js"
import type { Snapshot } from "../snapshot.js"
import { wholeOf } from "./changes.js"
import { composeSnapshot, type Frame } from "./compose.js"
import { fieldsOf, type FieldId, type Fields } from "./fields.js"

/**
 * What merging needs beside the snapshot of a base: whose each field is and since when, what was deleted, and what lost but is
 * still alive. The stamp that most fields have stands once, so a base that nobody merged with is hardly longer for it. A base
 * without it is a capture that speaks for all of its areas.
 */
export interface Stamps {
  floor: Clock
  /** Of all fields that are not listed. */
  common: Signature
  listed: [Signature, FieldId[]][]
  /** ms since epoch. */
  ends: [number, FieldId[]][]
  deleted: [[clock: Clock, writer: string], FieldId[]][]
  /** What the snapshot does not show. */
  hidden: [FieldId, Signature, rank: number, expiresAt: number | null, value?: unknown][]
}

type Signature = [clock: Clock, writer: string, born: Clock]

/** Of what the snapshot says only by its shape: where there is an item there is an area, though nobody captured that. */
const nobody: Signature = [beginning, "", beginning]

/** A state as the snapshot that it comes to, and the stamps that make a state of that again. */
export function stateToBase(frame: Frame, state: SessionState, now: number): { snapshot: Snapshot; stamps: Stamps } {
  const shown = new Map<FieldId, Live>()
  const fields: Fields = new Map()
  for (const [id, live] of livesOf(state)) {
    if (live.value === undefined || hasEnded(live, now)) continue
    shown.set(id, live)
    fields.set(id, { value: live.value, rank: live.rank })
  }
  const { snapshot } = composeSnapshot(frame, fields)
  const implied = fieldsOf(snapshot)
  for (const [id, { value }] of shown) {
    // What has no place in it, or looks another way there, is hidden beside it.
    if (isSame(implied.get(id)?.value, value)) implied.delete(id)
    else shown.delete(id)
  }
  const signatures = new Map<string, { signature: Signature; ids: FieldId[] }>()
  const ends = new Map<number, FieldId[]>()
  for (const [id, { clock, writer, born, expiresAt }] of shown) {
    const signature: Signature = [clock, writer, born]
    const known = signatures.get(signature.join()) ?? { signature, ids: [] }
    known.ids.push(id)
    signatures.set(signature.join(), known)
    if (expiresAt !== null) ends.set(expiresAt, [...(ends.get(expiresAt) ?? []), id])
  }
  const [common, ...others] = [...signatures.values()].sort((a, b) => b.ids.length - a.ids.length)
  const deleted = new Map<string, Stamps["deleted"][number]>()
  const hidden: Stamps["hidden"] = []
  for (const [id, { lives, deleted: tombstone }] of state.fields) {
    if (tombstone !== null) {
      const { clock, writer } = tombstone
      const known = deleted.get(clock + writer) ?? [[clock, writer], []]
      known[1].push(id)
      deleted.set(clock + writer, known)
    }
    for (const live of lives.values()) if (shown.get(id) !== live) hidden.push(hide(live, now))
  }
  return {
    snapshot,
    stamps: {
      floor: state.floor,
      common: common?.signature ?? nobody,
      listed: [
        ...others.map(({ signature, ids }): Stamps["listed"][number] => [signature, ids]),
        ...(implied.size > 0 ? [[nobody, [...implied.keys()]] satisfies Stamps["listed"][number]] : []),
      ],
      ends: [...ends],
      deleted: [...deleted.values()],
      hidden,
    },
  }
}

/** A value whose time is over is forgotten; when it was written is not, so that an older one does not come back. */
function hide(live: Live, now: number): Stamps["hidden"][number] {
  const { field, clock, writer, born, rank, expiresAt, value } = live
  const signature: Signature = [clock, writer, born]
  return hasEnded(live, now) || value === undefined
    ? [field, signature, rank, expiresAt]
    : [field, signature, rank, expiresAt, value]
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

export function hasEnded({ expiresAt }: Pick<Live, "expiresAt">, now: number): boolean {
  return expiresAt !== null && expiresAt <= now
}

/** The state that a base holds. @param stamp of its envelope */
export function baseToState(snapshot: Snapshot, stamps: Stamps | undefined, stamp: Stamp): SessionState {
  if (stamps === undefined) return stateOf(wholeOf(snapshot, stamp))
  const signatures = new Map(stamps.listed.flatMap(([signature, ids]) => ids.map((id) => [id, signature] as const)))
  const ends = new Map(stamps.ends.flatMap(([end, ids]) => ids.map((id) => [id, end] as const)))
  const registers: Register[] = []
  for (const [field, { value, rank }] of fieldsOf(snapshot)) {
    const [clock, writer, born] = signatures.get(field) ?? stamps.common
    if (clock === beginning) continue
    registers.push({ field, clock, writer, born, value, rank, expiresAt: ends.get(field) ?? null })
  }
  for (const [[clock, writer], ids] of stamps.deleted) {
    for (const field of ids) registers.push({ field, clock, writer, deleted: true })
  }
  for (const [field, [clock, writer, born], rank, expiresAt, ...value] of stamps.hidden) {
    registers.push({ field, clock, writer, born, rank, expiresAt, ...(value.length > 0 && { value: value[0] }) })
  }
  return stateOf(registers, stamps.floor)
}

const clock = v.custom<Clock>(isClock)
const ids = v.array(v.string())
const signature = v.strictTuple([clock, v.string(), clock])
const time = v.pipe(v.number(), v.safeInteger())
const stampsSchema = v.object({
  floor: clock,
  common: signature,
  listed: v.array(v.strictTuple([signature, ids])),
  ends: v.array(v.strictTuple([time, ids])),
  deleted: v.array(v.strictTuple([v.strictTuple([clock, v.string()]), ids])),
  hidden: v.array(
    v.union([
      v.strictTuple([v.string(), signature, time, v.nullable(time)]),
      v.strictTuple([v.string(), signature, time, v.nullable(time), v.unknown()]),
    ]),
  ),
}) satisfies v.GenericSchema<Stamps>

/** @throws `damaged` */
export function parseStamps(value: unknown): Stamps {
  const result = v.safeParse(stampsSchema, value, { abortEarly: true })
  if (result.success) return result.output
  throw new PspError("damaged", "Cannot read session: what merging needs is not as expected")
}
