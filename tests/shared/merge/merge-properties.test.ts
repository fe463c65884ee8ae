import { fc } from "../../properties.js"
import { expect, it } from "vitest"
import { clockAt } from "../../../shared/hlc.js"
import { beginning, deletionsOf, livesOf, merge, stateOf, type Live, type SessionState } from "../../../shared/merge.js"
import { naiveLives } from "./naive-model.js"
import { areasOf, history, piece, register, stateOfPiece } from "./random-states.js"

const runs = { numRuns: 1000 }
const state = piece.map(stateOfPiece)
const empty = stateOf([])

it("merging is commutative", () => {
  fc.assert(
    fc.property(state, state, (a, b) => {
      expect(plain(merge(a, b))).toEqual(plain(merge(b, a)))
    }),
    runs,
  )
})

it("merging is associative", () => {
  fc.assert(
    fc.property(state, state, state, (a, b, c) => {
      expect(plain(merge(merge(a, b), c))).toEqual(plain(merge(a, merge(b, c))))
    }),
    runs,
  )
})

it("merging is idempotent, also with what is merged in already", () => {
  fc.assert(
    fc.property(state, state, (a, b) => {
      const both = merge(a, b)
      expect(plain(merge(a, a))).toEqual(plain(a))
      expect(plain(merge(both, b))).toEqual(plain(both))
      expect(plain(merge(a, empty))).toEqual(plain(a))
    }),
    runs,
  )
})

it("registers come to one state, in whatever order and however often they come", () => {
  const shuffledOf = fc
    .array(register, { maxLength: 12 })
    .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })))
  fc.assert(
    fc.property(shuffledOf, fc.nat({ max: 12 }), ([all, shuffled], at) => {
      const whole = plain(stateOf(all))
      expect(plain(stateOf(shuffled))).toEqual(whole)
      const [first, second] = [shuffled.slice(0, at), shuffled.slice(at)]
      expect(plain(merge(stateOf(first), stateOf(second)))).toEqual(whole)
      expect(plain(shuffled.map((one) => stateOf([one])).reduce(merge, empty))).toEqual(whole)
    }),
    runs,
  )
})

it("holders that missed some, had some twice, and met in any order end with one state", () => {
  const seen = fc.array(fc.nat({ max: 5 }), { maxLength: 10 })
  fc.assert(
    fc.property(history, fc.tuple(seen, seen, seen), (pieces, views) => {
      const states = pieces.map(stateOfPiece)
      const holders = views.map((view) => view.map((at) => states[at] ?? empty).reduce(merge, empty))
      const lost = states.filter((_, at) => !views.some((view) => view.includes(at)))
      const [one, two, three] = holders as [SessionState, SessionState, SessionState]
      const ends = [
        [one, two, three, ...lost].reduce(merge),
        [...lost].reverse().reduce(merge, merge(three, merge(two, one))),
        states.reduce(merge),
      ].map(plain)
      expect(ends[0]).toEqual(ends[2])
      expect(ends[1]).toEqual(ends[2])
    }),
    runs,
  )
})

it("what lives is what a model says that keeps every register and goes through all of them", () => {
  fc.assert(
    fc.property(history, fc.infiniteStream(fc.nat()), (pieces, picks) => {
      const states = pieces.map(stateOfPiece)
      // Any grouping: two of them become one, until one is left.
      while (states.length > 1) {
        const [a] = states.splice((picks.next().value ?? 0) % states.length, 1)
        const [b] = states.splice((picks.next().value ?? 0) % states.length, 1)
        states.push(merge(a ?? empty, b ?? empty))
      }
      const lives = [...livesOf(states[0] ?? empty)].sort(byId)
      const expected = [...naiveLives(pieces, areasOf)].sort(byId)
      expect(lives).toEqual(expected)
    }),
    runs,
  )
})

it("what was deleted and is not there again is told, with its last deletion", () => {
  fc.assert(
    fc.property(fc.array(register, { maxLength: 12 }), (all) => {
      const lives = naiveLives([{ registers: all, floor: beginning }], areasOf)
      const expected = new Map<string, string>()
      for (const one of all) {
        if (!("deleted" in one) || lives.has(one.field) || one.clock < (expected.get(one.field) ?? "")) continue
        expected.set(one.field, one.clock)
      }
      const told = [...deletionsOf(stateOf(all))].map(([id, { clock }]) => [id, clock])
      expect(new Map(told as [string, string][])).toEqual(expected)
    }),
    runs,
  )
})

it("a state holds nothing of a life that ended, also where a whole area was deleted", () => {
  fc.assert(
    fc.property(history, (pieces) => {
      const { fields } = pieces.map(stateOfPiece).reduce(merge)
      const deleted = new Map([...fields].map(([id, state]) => [id, state.deleted?.clock ?? beginning]))
      for (const [id, { lives, deleted: own }] of fields) {
        expect(lives.size > 0 || own !== null).toBe(true)
        const ends = [id, ...areasOf(id)].map((one) => deleted.get(one) ?? beginning)
        for (const born of lives.keys()) for (const end of ends) expect(born >= end).toBe(true)
      }
    }),
    runs,
  )
})

const [person, bot] = ["a".repeat(32), "b".repeat(32)]
const cookie = '["cookies","sid","a.example",true,"/",null]'
const live = (born: number, clock: number, value: unknown = "v", writer = person) => ({
  ...{ field: cookie, born: clockAt(born), clock: clockAt(clock), writer, value, rank: 0, expiresAt: null },
})
const valueIn = (...states: SessionState[]) => livesOf(states.reduce(merge)).get(cookie)?.value

it("the example of the docstring comes out as it says, step by step", () => {
  const login = stateOf([live(10, 10, "login")])
  const rotated = stateOf([live(10, 14, "rotated", bot)])
  const logout = stateOf([{ field: cookie, clock: clockAt(20), writer: person, deleted: true }])
  const late = stateOf([live(10, 25, "late", bot)])
  const next = stateOf([live(30, 30, "next")])
  expect(valueIn(login)).toBe("login")
  expect(valueIn(rotated, login)).toBe("rotated")
  expect(valueIn(rotated, logout, login)).toBeUndefined()
  expect(valueIn(late, rotated, logout, login)).toBeUndefined()
  expect(valueIn(next, late, rotated, logout, login)).toBe("next")
})

it("a deleted area stays deleted when a floor comes to speak for the deletion", () => {
  const logout = stateOf([
    live(10, 10),
    { field: '["area","cookies"]', clock: clockAt(20), writer: bot, deleted: true },
  ])
  const unaware = stateOf([live(10, 10)], clockAt(30))
  expect(valueIn(logout)).toBeUndefined()
  expect(valueIn(logout, unaware)).toBeUndefined()
  expect(valueIn(unaware, logout)).toBeUndefined()
})

it("deletions that the floor speaks for are forgotten, and what they ended stays dead", () => {
  const logout = stateOf([live(10, 10), { field: cookie, clock: clockAt(20), writer: bot, deleted: true }])
  const later = merge(logout, stateOf([], clockAt(30)))
  expect([...later.fields]).toEqual([])
  expect(valueIn(later, stateOf([live(10, 40)]))).toBeUndefined()
  expect([...merge(logout, stateOf([], clockAt(20))).fields.keys()]).toEqual([cookie])
})

it("of two lives that say the same at one time the younger counts", () => {
  const [old, young] = [stateOf([live(10, 30)]), stateOf([live(20, 30)])]
  expect(livesOf(merge(old, young)).get(cookie)?.born).toBe(clockAt(20))
  expect(livesOf(merge(young, old)).get(cookie)?.born).toBe(clockAt(20))
})

it("a forgotten value and one that is null are two things, whichever comes first", () => {
  const forgotten = withoutValue(live(10, 10))
  const [one, other] = [stateOf([forgotten]), stateOf([live(10, 10, null)])]
  expect(plain(merge(one, other))).toEqual(plain(merge(other, one)))
})

/** As lists in order: states are equal that hold the same, and it is told fast. */
function plain({ fields, floor }: SessionState): unknown {
  const rows = [...fields].sort(byId).map(([id, { lives, deleted }]) => ({ id, deleted, lives: [...lives].sort(byId) }))
  return { floor, rows }
}

function byId([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1
}

function withoutValue(live: Live): Live {
  const forgotten = { ...live }
  delete forgotten.value
  return forgotten
}
