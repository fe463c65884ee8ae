import { fc } from "../../properties.js"
import { expect, it } from "vitest"
import { isPspError } from "../../../shared/errors.js"
import { clockAt } from "../../../shared/hlc.js"
import { livesOf, merge, stateOf, type Live, type Register, type SessionState } from "../../../shared/merge.js"
import { wholeOf } from "../../../shared/merge/changes.js"
import { frameOf } from "../../../shared/merge/compose.js"
import { idOf } from "../../../shared/merge/fields.js"
import { baseToState, hasEnded, parseStamps, stateToBase } from "../../../shared/merge/stamps.js"
import { parseSnapshot } from "../../../shared/snapshot.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { snapshot } from "./random-snapshots.js"

const writers = ["a", "b", "c"].map((letter) => letter.repeat(32))
const [person = "", bot = ""] = writers
const now = 100
const clock = fc.integer({ min: 1, max: 8 }).map(clockAt)
const stamp = fc.record({ clock, writer: fc.constantFrom(...writers) })

/** Some of what two captures hold, by several writers, with ends, deletions, forgotten values and other lives. */
const state: fc.Arbitrary<SessionState> = fc
  .tuple(snapshot, snapshot, stamp)
  .chain(([one, other, first]) => {
    const live = fc.constantFrom(...wholeOf(one, first), ...wholeOf(other, first))
    const end = fc.constantFrom(null, null, 50, 150, 2 ** 40)
    const changed = fc
      .tuple(live, stamp, clock, end, fc.integer({ min: 0, max: 5 }))
      .map(([register, { clock, writer }, born, expiresAt, change]): Register => {
        if ("deleted" in register || change === 0) return { field: register.field, clock, writer, deleted: true }
        const made: Live = { ...register, clock, writer, born: born < clock ? born : clock, expiresAt }
        if (change === 1 && hasEnded(made, now)) delete made.value
        return made
      })
    return fc.tuple(fc.array(changed, { maxLength: 40 }), fc.constantFrom(clockAt(0), clockAt(3)))
  })
  .map(([registers, floor]) => stateOf(registers, floor))

it("any state comes out of its base as it went in, less what is over", () => {
  fc.assert(
    fc.property(state, (before) => {
      expect(plain(throughBase(before))).toEqual(plain(forgotten(before)))
    }),
    { numRuns: 400 },
  )
})

it("a base is a snapshot that everybody can read, and holds nothing that is over", () => {
  fc.assert(
    fc.property(state, (before) => {
      const base = stateToBase(frameOf(exampleSnapshot()), before, now)
      const sent = JSON.parse(JSON.stringify(base)) as typeof base
      expect(parseSnapshot(sent.snapshot)).toEqual(sent.snapshot)
      expect(parseStamps(sent.stamps)).toEqual(sent.stamps)
      for (const { lives } of throughBase(before).fields.values())
        for (const live of lives.values()) if (hasEnded(live, now)) expect(live).not.toHaveProperty("value")
    }),
    { numRuns: 200 },
  )
})

it("merging before or after a base was written comes to the same", () => {
  fc.assert(
    fc.property(state, state, (a, b) => {
      const direct = plain(forgotten(merge(a, b)))
      expect(plain(forgotten(merge(throughBase(a), b)))).toEqual(direct)
      expect(plain(throughBase(merge(throughBase(b), throughBase(a))))).toEqual(direct)
    }),
    { numRuns: 200 },
  )
})

const field = idOf(["localStorage", "https://app.example.com", null, "token"])
const live = (clock: number, value: string, more: Partial<Live> = {}): Live => ({
  ...{ field, clock: clockAt(clock), writer: person, born: clockAt(1), value, rank: 0, expiresAt: null },
  ...more,
})

it("what is over is forgotten, and neither comes back by an older change nor by its own", () => {
  const held = throughBase(stateOf([live(5, "newer", { expiresAt: now })]))
  expect(textOf(held)).not.toContain("newer")
  for (const late of [live(4, "older"), live(5, "newer", { expiresAt: now })]) {
    const merged = throughBase(merge(held, stateOf([late])))
    expect(livesOf(merged).get(field)).not.toHaveProperty("value")
    expect(textOf(merged)).not.toMatch(/newer|older/)
  }
  expect(livesOf(throughBase(merge(held, stateOf([live(6, "next")])))).get(field)?.value).toBe("next")
})

it("what is not over yet is held, up to its very end", () => {
  const valueAt = (at: number) => {
    const base = stateToBase(frameOf(exampleSnapshot()), stateOf([live(5, "v", { expiresAt: 100 })]), at)
    return livesOf(baseToState(base.snapshot, base.stamps, { clock: clockAt(9), writer: bot })).get(field)?.value
  }
  expect(valueAt(99)).toBe("v")
  expect(valueAt(100)).toBeUndefined()
})

it("a life that lost and still lives stays hidden in the base, and counts when the other one ends", () => {
  const younger = live(4, "younger", { born: clockAt(3), writer: bot })
  const held = throughBase(stateOf([live(5, "older life, written last"), younger]))
  expect(livesOf(held).get(field)?.value).toBe("older life, written last")
  const logout = stateOf([{ field, clock: clockAt(2), writer: bot, deleted: true }])
  expect(livesOf(throughBase(merge(held, logout))).get(field)?.value).toBe("younger")
})

it("a deletion and a floor are remembered, and keep dead what they ended", () => {
  const gone = throughBase(stateOf([{ field, clock: clockAt(5), writer: person, deleted: true }], clockAt(3)))
  const other = idOf(["localStorage", "https://app.example.com", null, "other"])
  const stale = stateOf([live(9, "stale"), live(9, "stale", { field: other, born: clockAt(2) })])
  expect([...livesOf(merge(gone, stale)).keys()]).toEqual([])
  const fresh = stateOf([live(9, "new", { born: clockAt(6) }), live(9, "new", { field: other, born: clockAt(4) })])
  expect([...livesOf(merge(gone, fresh)).keys()].sort()).toEqual([field, other].sort())
})

it("a base that holds no stamps speaks for all that it captured, and for nothing else", () => {
  const stale = (id: string, value: string) => live(4, value, { field: id })
  const other = idOf(["localStorage", "https://app.example.com", null, "other"])
  const elsewhere = idOf(["localStorage", "https://other.example.com", null, "token"])
  const base = baseToState(exampleSnapshot(), undefined, { clock: clockAt(5), writer: person })
  const merged = livesOf(merge(base, stateOf([live(4, "stale"), stale(other, "stale"), stale(elsewhere, "kept")])))
  expect(merged.get(field)?.value).toBe("canary-token")
  expect(merged.has(other)).toBe(false)
  expect(merged.get(elsewhere)?.value).toBe("kept")
})

it("stamps that are not as expected are told as damaged", () => {
  const { stamps } = stateToBase(frameOf(exampleSnapshot()), stateOf([live(5, "v")]), now)
  const damaged: unknown[] = [
    null,
    {},
    { ...stamps, floor: "1" },
    { ...stamps, ends: [[0.5, []]] },
    { ...stamps, hidden: [[1]] },
  ]
  for (const one of damaged) {
    let code: unknown = null
    try {
      parseStamps(one)
    } catch (error) {
      code = isPspError(error) && error.code
    }
    expect(code).toBe("damaged")
  }
})

function throughBase(state: SessionState): SessionState {
  const base = stateToBase(frameOf(exampleSnapshot()), state, now)
  const { snapshot, stamps } = JSON.parse(JSON.stringify(base)) as { snapshot: unknown; stamps: unknown }
  return baseToState(parseSnapshot(snapshot), parseStamps(stamps), { clock: clockAt(9), writer: bot })
}

function forgotten(state: SessionState): SessionState {
  const fields = new Map(
    [...state.fields].map(([id, { lives, deleted }]) => {
      const less = [...lives].map(([born, live]) => {
        const kept = { ...live }
        if (hasEnded(live, now)) delete kept.value
        return [born, kept] as const
      })
      return [id, { deleted, lives: new Map(less) }] as const
    }),
  )
  return { ...state, fields }
}

function textOf({ fields }: SessionState): string {
  return JSON.stringify([...fields.values()].map(({ lives }) => [...lives.values()]))
}

/** Where a field stood among its like tells nothing apart. */
function plain({ fields, floor }: SessionState): unknown {
  const byId = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)
  const withoutRank = ([born, live]: [string, Live]) =>
    [born, JSON.parse(JSON.stringify({ ...live, rank: 0 }))] as unknown
  const rows = [...fields]
    .sort(byId)
    .map(([id, { lives, deleted }]) => ({ id, deleted, lives: [...lives].sort(byId).map(withoutRank) }))
  return { floor, rows }
}

it("of two values that one writer has at one time the one with the nearest end counts, forgotten or not", () => {
  const [over, lasting] = [live(5, "over", { expiresAt: now }), live(5, "lasting", { expiresAt: null })]
  for (const held of [stateOf([over]), throughBase(stateOf([over]))]) {
    expect(livesOf(merge(held, stateOf([lasting]))).get(field)?.expiresAt).toBe(now)
    expect(livesOf(merge(stateOf([lasting]), held)).get(field)?.expiresAt).toBe(now)
  }
})
