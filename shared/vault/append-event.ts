import { folderOf, maxRecipients, parseName, seal } from "../envelope.js"
import { isPspError, PspError } from "../errors.js"
import { clockAt, clockMs, isClockPlausible, laterClock, type Clock } from "../hlc.js"
import { createCard, parseCard, type Card } from "../keys.js"
import type { CallOptions } from "../provider.js"
import type { EventMark } from "../vault-memory.js"
import { version } from "../version.js"
import { eventLifetime } from "./event-chain.js"
import {
  clockOfKey,
  eventPlaintext,
  mostBefore,
  parseEvent,
  type EventKey,
  type EventPlace,
  type EventSays,
} from "./event-payload.js"
import { mayWriteEvents } from "./event-writers.js"
import { isStoreFault } from "./faults.js"
import { refuseEarlyClock } from "./save.js"
import type { VaultState } from "./state.js"

/** Where the events of a writer lie, with a slash at its end. */
export function eventFolder({ id }: Pick<VaultState, "id">, writerId: string): string {
  return `${folderOf({ typ: "event", vault: id, sid: writerId })}/`
}

/** The part of an event's name by which others name it. */
export function eventKeyOf({ clock, digest }: { clock: Clock; digest: string }): EventKey {
  return `${clock}-${digest}`
}

/**
 * Puts events of this identity behind those that it has put, sealed to the owners, and to itself: a bot without memory finds its
 * place in the chain by its last one.
 *
 * @throws `not-granted` for an identity that nobody granted anything, `bad-clock`, the provider's codes
 */
export function appendEvents(vault: VaultState, events: readonly EventSays[], call: CallOptions = {}): Promise<void> {
  return inTurn(vault, async () => {
    refuseEarlyClock(vault.now())
    if (!mayWriteEvents(vault))
      throw new PspError("not-granted", "Cannot tell the owners of an access: this identity was never granted anything")
    const self = await parseCard(await createCard({ ...vault.identity, vault: null }))
    const owners = [...vault.owners().values()].map(({ recipient }) => recipient)
    const recipients = [...new Set([...owners, self.recipient])].slice(0, maxRecipients)
    let place = await nextPlace(vault, self, call)
    for (const says of events) {
      const at = vault.now()
      const clock = vault.tick()
      const sealed = await seal({
        header: {
          typ: "event",
          vault: vault.id,
          sid: vault.writerId,
          clock,
          exp: clockMs(clock) + eventLifetime,
        },
        plaintext: eventPlaintext(says, place, { at: Math.min(at, clockMs(clock)), version }),
        recipients,
        writer: vault.identity,
      })
      await vault.provider.put(sealed.name, sealed.bytes, { ...call, expiresAt: sealed.header.exp })
      const key = eventKeyOf({ clock, digest: sealed.digest })
      noteEvent(vault, vault.writerId, { n: place.n, last: key })
      place = { n: place.n + 1, before: [key, ...place.before].slice(0, mostBefore) }
    }
    await vault.remember()
  })
}

/** Remembers the highest number of a writer that this device wrote or read. */
export function noteEvent({ remembered }: VaultState, writerId: string, mark: EventMark): void {
  const known = remembered.events[writerId]
  if (known === undefined || known.n < mark.n) remembered.events[writerId] = mark
}

/** Behind what this device remembers, and behind what the store shows: another run of this identity may have written since. */
async function nextPlace(vault: VaultState, self: Card, call: CallOptions): Promise<EventPlace> {
  // One from a time when the clock was wrong has no successors: readers leave it aside.
  const isMeant = (key: EventKey) => isClockPlausible(clockOfKey(key), vault.now())
  const mark = vault.remembered.events[vault.writerId]
  const known = mark !== undefined && isMeant(mark.last) ? mark : null
  const shown = (await newestKeys(vault, call)).filter(isMeant)
  const newest = await numberOf(vault, { shown, known, self }, call)
  const keys = new Set([...shown, ...(known === null ? [] : [known.last])])
  const before = [...keys].sort().reverse().slice(0, mostBefore)
  // What comes next is stamped later, whatever this device's clock says.
  if (before[0] !== undefined) vault.remembered.clock = laterClock(vault.remembered.clock, clockOfKey(before[0]))
  const last = Math.max(newest ?? 0, known?.n ?? 0)
  return { n: before.length === 0 ? 1 : Math.max(last, 1) + 1, before }
}

/** The number of the newest that this identity can read; null where there is none. */
async function numberOf(
  vault: VaultState,
  { shown, known, self }: { shown: EventKey[]; known: EventMark | null; self: Card },
  call: CallOptions,
): Promise<number | null> {
  for (const key of shown) {
    if (key === known?.last) return known.n
    const [clock = "", digest = ""] = key.split("-")
    const name = `${eventFolder(vault, vault.writerId)}${clock}-${vault.writerId}-${digest}.psp`
    const bytes = await vault.provider.get(name, call)
    if (bytes === null) continue
    try {
      const where = { sid: vault.writerId, name, bot: self, now: clockMs(clock) }
      const { plaintext } = await vault.openAs(bytes, ["event"], where)
      return parseEvent(plaintext, clock).place.n
    } catch (error) {
      if (!isPspError(error) || isStoreFault(error.code)) throw error
    }
  }
  return null
}

/**
 * Keys of this identity's last few events, the newest first. A folder of many thousands is not listed whole for each: names begin
 * with their time, so the last hours are asked for first, then the last days.
 */
async function newestKeys(vault: VaultState, call: CallOptions): Promise<EventKey[]> {
  const folder = eventFolder(vault, vault.writerId)
  const now = clockAt(vault.now())
  for (const digits of windows) {
    const last: EventKey[] = []
    for await (const { name } of vault.provider.list(`${folder}${now.slice(0, digits)}`, call)) {
      const parsed = parseName(name)
      if (parsed?.writer !== vault.writerId) continue
      last.push(eventKeyOf(parsed))
      if (last.length > mostBefore) last.shift()
    }
    if (last.length > 0) return last.reverse()
  }
  return []
}

/** So many digits of a stamp leave 4.7 hours, 3.1 days, 50 days, and all. */
const windows = [6, 5, 4, 0]

const turns = new WeakMap<VaultState, Promise<unknown>>()

/** One after the other, whatever becomes of the one before: each follows the last. */
function inTurn<Result>(vault: VaultState, work: () => Promise<Result>): Promise<Result> {
  const result = (turns.get(vault) ?? Promise.resolve()).then(work)
  turns.set(
    vault,
    result.catch(() => undefined),
  )
  return result
}
