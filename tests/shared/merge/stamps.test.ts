import { expect, it } from "vitest"
import { clockAt } from "../../../shared/hlc.js"
import { livesOf, merge, stateOf } from "../../../shared/merge.js"
import { changesOf, comparedText, wholeOf, type Known } from "../../../shared/merge/changes.js"
import { composeSnapshot, frameOf } from "../../../shared/merge/compose.js"
import { fieldsOf } from "../../../shared/merge/fields.js"
import { baseToState, parseStamps, stateToBase } from "../../../shared/merge/stamps.js"
import { exampleSnapshot } from "../example-snapshot.js"

const [person, bot] = ["a".repeat(32), "b".repeat(32)]

it("a snapshot taken apart and put together is the same", () => {
  const snapshot = exampleSnapshot()
  expect(composeSnapshot(frameOf(snapshot), fieldsOf(snapshot))).toEqual({ snapshot, left: [] })
})

it("a state comes out of its base as it went in", () => {
  const snapshot = exampleSnapshot()
  const state = stateOf(wholeOf(snapshot, { clock: clockAt(10), writer: person }))
  const base = stateToBase(frameOf(snapshot), state, 20)
  expect(base.snapshot).toEqual(snapshot)
  const stamps = parseStamps(JSON.parse(JSON.stringify(base.stamps)))
  expect(baseToState(base.snapshot, stamps, { clock: clockAt(30), writer: bot })).toEqual(state)
})

it("a rotated token beats its parent, and the person's later capture of the parent does not beat it", () => {
  const before = exampleSnapshot()
  const first = stateOf(wholeOf(before, { clock: clockAt(10), writer: person }))
  const known = new Map(
    [...livesOf(first)].map(([id, { clock, writer, born, value }]): [string, Known] => [
      id,
      { clock, writer, born, digest: comparedText(value) },
    ]),
  )
  const rotated = exampleSnapshot("example.com", "default", "rotated-token")
  const digestOf = (text: string) => text
  const byBot = changesOf(known, rotated, { stamp: { clock: clockAt(20), writer: bot }, digestOf })
  const bySave = changesOf(known, before, { stamp: { clock: clockAt(30), writer: person }, digestOf })
  expect(bySave.changed).toEqual([])
  const merged = merge(merge(first, stateOf(byBot.changed)), stateOf(bySave.unchanged))
  const lives = new Map([...livesOf(merged)].map(([id, { value, rank }]) => [id, { value, rank }]))
  expect(composeSnapshot(frameOf(before), lives).snapshot).toEqual(rotated)
})
