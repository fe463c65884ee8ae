import * as Y from "yjs"
import { PspError } from "../errors.js"
import { isClock } from "../hlc.js"
import type { Register } from "../merge.js"

/**
 * Registers of one writer as a Yjs document, which is what deltas carry:
 *
 *     Y.Map "registers":   "<Yjs client> <field id>"  →  JSON [clock, born, rank, expiresAt, value], [clock] for a deletion,
 *                                                        [clock, born, rank, expiresAt] for what was forgotten
 *
 * A document is fed only by envelopes that its writer signed, so a forged client number can hide nobody's registers but the
 * forger's own. The client is part of the key: two bots that share an identity write side by side, and which one
 * counts is decided by clocks (`merge.ts`), not by Yjs. Each delta is a client of its own, so that one can be read without
 * those before it; its number is random, since a wall clock that stands or goes back gives many deltas one ms.
 */
const room = "registers"

export function registersToUpdate(registers: Iterable<Register>): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = randomClient()
  const map = doc.getMap<string>(room)
  doc.transact(() => {
    for (const register of registers) map.set(`${doc.clientID.toString(36)} ${register.field}`, textOf(register))
  })
  const update = Y.encodeStateAsUpdate(doc)
  doc.destroy()
  return update
}

/** The document of one writer: only updates of envelopes that it signed may be applied. */
export interface WriterDoc {
  /**
   * @returns what this update says that was not known before; nothing when it came already, and when it pretends to be one that
   *   did. What stands in it without being a register is counted
   * @throws `damaged` for what is no update
   */
  apply(update: Uint8Array): { registers: Register[]; strange: number }
}

export function createWriterDoc(writer: string): WriterDoc {
  const doc = new Y.Doc()
  const map = doc.getMap(room)
  let changed = new Set<string>()
  map.observe(({ keysChanged }) => {
    // What stands in it as in a list changed no key.
    for (const key of keysChanged as Set<string | null>) if (key !== null) changed.add(key)
  })
  return {
    apply(update) {
      changed = new Set()
      try {
        refuseBomb(update)
        Y.applyUpdate(doc, update)
      } catch {
        throw new PspError("damaged", "Cannot read changes of a session: what was sealed is no Yjs update")
      }
      const read = [...changed].map((key) => parseRegister(key.slice(key.indexOf(" ") + 1), map.get(key), writer))
      const registers = read.filter((register) => register !== null)
      return { registers, strange: read.length - registers.length }
    },
  }
}

/** What a writer's updates say together, in whatever order they come and however often. @throws `damaged` */
export function updatesToRegisters(
  updates: Iterable<Uint8Array>,
  writer: string,
): { registers: Register[]; strange: number } {
  const doc = createWriterDoc(writer)
  const applied = [...updates].map((update) => doc.apply(update))
  return {
    registers: applied.flatMap(({ registers }) => registers),
    strange: applied.reduce((sum, { strange }) => sum + strange, 0),
  }
}

function textOf(register: Register): string {
  if ("deleted" in register) return JSON.stringify([register.clock])
  const { clock, born, rank, expiresAt, value } = register
  return JSON.stringify([clock, born, rank, expiresAt, ...(value === undefined ? [] : [value])])
}

function parseRegister(field: string, text: unknown, writer: string): Register | null {
  if (typeof text !== "string") return null
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch {
    return null
  }
  if (!Array.isArray(parts)) return null
  const [clock, born, rank, expiresAt, value] = parts as unknown[]
  if (!isClock(clock)) return null
  if (parts.length === 1) return { field, clock, writer, deleted: true }
  if (!isClock(born) || born > clock || !Number.isSafeInteger(rank)) return null
  if (expiresAt !== null && !Number.isSafeInteger(expiresAt)) return null
  const live = { field, clock, writer, born, rank: rank as number, expiresAt: expiresAt as number | null }
  if (parts.length === 4) return live
  return parts.length === 5 ? { ...live, value } : null
}

/** Yjs takes any integer of up to 53 bits. */
function randomClient(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return (high % 2 ** 21) * 2 ** 32 + low
}

/**
 * Yjs makes room for as many structs as an update says that it holds before it looks: ten bytes are good for 250 MB, which is
 * more than a Worker has. Ours hold one client's, and each struct takes a byte at least.
 */
function refuseBomb(update: Uint8Array): void {
  const [clients, end] = varUint(update, 0)
  const [structs] = varUint(update, end)
  if (clients > 1 || (clients === 1 && structs > update.length)) throw new RangeError("It says that it holds too much")
}

/** The number at a place, 7 bits in each byte with the lowest first, and where it ends. */
function varUint(bytes: Uint8Array, from: number): [value: number, end: number] {
  let value = 0
  for (let at = from; ; at++) {
    const byte = bytes[at] ?? 0
    value += (byte & 127) * 2 ** (7 * (at - from))
    if (byte < 128) return [value, at + 1]
  }
}
