import type { Clock } from "./hlc.js"
import { areaOf, pathOf, type FieldId } from "./merge/fields.js"

/**
 * A session as registers of several writers, and how they become one.
 *
 * Each register has the clock of the capture that found it. A live one also has the clock at which the field came into being:
 * whoever changes a field keeps that, whoever finds one that was not there begins anew. A deletion ends every life
 * that began before it. So, for one field:
 *
 *     born 10, written 10      a login                                  there
 *     born 10, written 14      a rotated token                          beats its parent
 *     deleted 20               a logout                                 ends the life that began at 10
 *     born 10, written 25      a stale bot's late save                  is of a life that ended: stays deleted
 *     born 30, written 30      the next login                           there again
 *
 * Within what lives, the later clock wins, then the writer id, then the text of the value. What was not captured has no register:
 * nothing is deleted by not looking. A deletion of an area (`fields.ts`) is one of everything in it.
 *
 * Deletions would pile up for ever, so a state has a `floor`: it knows all that began before, and what it does not hold of that
 * is dead. That is the causal context of an optimised OR-set, with time in place of version vectors.
 *
 * Joining is commutative, associative and idempotent. Nothing here asks who may write what: `merge/rules.ts` does, before.
 *
 * @see Almeida, Shoker, Baquero, "Delta State Replicated Data Types", 2018
 */
export interface SessionState {
  fields: ReadonlyMap<FieldId, FieldState>
  floor: Clock
}

export interface FieldState {
  /** By when they began. */
  lives: ReadonlyMap<Clock, Live>
  deleted: Tombstone | null
}

/** Who found it, and when. */
export interface Stamp {
  clock: Clock
  /** Writer id. */
  writer: string
}

/** A field as one writer found it. */
export interface Live extends Stamp {
  field: FieldId
  born: Clock
  /** JSON; left out when its time was over and it was forgotten. */
  value?: unknown
  rank: number
  /** ms since epoch; null for what nobody set an end to. A cookie's own end is in its value. */
  expiresAt: number | null
}

export interface Tombstone extends Stamp {
  field: FieldId
  deleted: true
}

export type Register = Live | Tombstone

export const beginning: Clock = "0".repeat(16)

/** @param floor everything that began before and is not among the registers is dead */
export function stateOf(registers: Iterable<Register>, floor = beginning): SessionState {
  const fields: MutableFields = new Map()
  for (const register of registers) {
    const state = fields.get(register.field) ?? { lives: new Map<Clock, Live>(), deleted: null }
    fields.set(register.field, state)
    if ("deleted" in register) state.deleted = later(state.deleted, register)
    else state.lives.set(register.born, later(state.lives.get(register.born) ?? null, register))
  }
  return bury(fields, floor)
}

/** One state out of two: what either knows, less what either knows to be dead. */
export function merge(a: SessionState, b: SessionState): SessionState {
  const floor = a.floor > b.floor ? a.floor : b.floor
  const fields: MutableFields = new Map()
  for (const id of new Set([...a.fields.keys(), ...b.fields.keys()])) {
    const [one, other] = [a.fields.get(id), b.fields.get(id)]
    const lives = new Map<Clock, Live>()
    for (const born of new Set([...(one?.lives.keys() ?? []), ...(other?.lives.keys() ?? [])])) {
      const [mine, yours] = [one?.lives.get(born), other?.lives.get(born)]
      if (mine !== undefined && yours !== undefined) lives.set(born, later(mine, yours))
      else if (mine !== undefined && born >= b.floor) lives.set(born, mine)
      else if (yours !== undefined && born >= a.floor) lives.set(born, yours)
    }
    const [dead, gone] = [one?.deleted ?? null, other?.deleted ?? null]
    fields.set(id, { lives, deleted: dead === null || gone === null ? (dead ?? gone) : later(dead, gone) })
  }
  return bury(fields, floor)
}

/** What is there, whether its time is over or not: of each field the life that was written last. */
export function livesOf({ fields }: SessionState): Map<FieldId, Live> {
  const lives = new Map<FieldId, Live>()
  for (const [id, state] of fields) {
    let latest: Live | null = null
    for (const live of state.lives.values()) latest = later(latest, live)
    if (latest !== null) lives.set(id, latest)
  }
  return lives
}

/** What is not there because somebody deleted it, and when it was last deleted. */
export function deletionsOf(state: SessionState): Map<FieldId, Tombstone> {
  const lives = livesOf(state)
  const deletions = new Map<FieldId, Tombstone>()
  for (const [id, { deleted }] of state.fields) if (deleted !== null && !lives.has(id)) deletions.set(id, deleted)
  return deletions
}

type MutableFields = Map<FieldId, { lives: Map<Clock, Live>; deleted: Tombstone | null }>

/** Forgets lives that ended, then deletions that the floor speaks for: these must not go before what they end. */
function bury(fields: MutableFields, floor: Clock): SessionState {
  const areaEnds = new Map<FieldId, Clock>()
  let lastAreaEnd = beginning
  for (const [id, { deleted }] of fields) {
    if (deleted === null || !id.startsWith('["area",')) continue
    areaEnds.set(id, deleted.clock)
    if (deleted.clock > lastAreaEnd) lastAreaEnd = deleted.clock
  }
  for (const [id, { deleted, lives }] of fields) {
    const end = deleted?.clock ?? beginning
    for (const born of lives.keys()) {
      if (born < end || (born < lastAreaEnd && born < areaEnd(areaEnds, id))) lives.delete(born)
    }
  }
  for (const [id, state] of fields) {
    if (state.deleted !== null && state.deleted.clock < floor) state.deleted = null
    if (state.deleted === null && state.lives.size === 0) fields.delete(id)
  }
  return { fields, floor }
}

/** When the areas that a field is in were last deleted. */
function areaEnd(areaEnds: ReadonlyMap<FieldId, Clock>, id: FieldId): Clock {
  let latest = beginning
  for (let area = areaOf(pathOf(id)); area !== null; area = areaOf(pathOf(area))) {
    const clock = areaEnds.get(area) ?? beginning
    if (clock > latest) latest = clock
  }
  return latest
}

function later<T extends Register>(a: T | null, b: T): T {
  if (a === null || isLater(b, a)) return b
  return a
}

function isLater(a: Register, b: Register): boolean {
  if (a.clock !== b.clock) return a.clock > b.clock
  if (a.writer !== b.writer) return a.writer > b.writer
  const [endOfA, endOfB] = [a, b].map((one) => ("deleted" in one ? null : one.expiresAt) ?? Infinity) as [
    number,
    number,
  ]
  return endOfA === endOfB ? textOf(a) > textOf(b) : endOfA < endOfB
}

/**
 * Tells apart what one writer says twice at one time: copies of one identity do. The nearest end counts, before the value, which is
 * forgotten when its time is over; of equals the younger life.
 */
function textOf(register: Register): string {
  if ("deleted" in register) return ""
  const { value, rank, born } = register
  return JSON.stringify([...(value === undefined ? [] : [value]), rank, born])
}
