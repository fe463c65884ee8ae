import { expect, it } from "vitest"
import { clockAt } from "../../shared/hlc.js"
import { livesOf, merge, stateOf, type SessionState } from "../../shared/merge.js"
import { changesOf, comparedText, wholeOf } from "../../shared/merge/changes.js"
import { idOf } from "../../shared/merge/fields.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { knownAtOwnSave } from "../../extension/own-save.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

const [own, other] = ["a".repeat(32), "b".repeat(32)]
const origin = "https://app.example.com"
const key = (name: string) => idOf(["localStorage", origin, null, name])

function withKeys(items: Record<string, string>): Snapshot {
  const localStorage = Object.entries(items).map((item): [string, string] => item)
  return {
    ...exampleSnapshot("example.com"),
    cookies: [],
    tabs: [],
    origins: [{ origin, partition: null, localStorage }],
  }
}

/** What this browser would say of what is here now, were it to save. */
function changesHere(state: SessionState, here: Snapshot) {
  const known = knownAtOwnSave({ state, writer: own }, here, String)
  return { known, ...changesOf(known, here, { stamp: { clock: clockAt(9), writer: own }, digestOf: String }) }
}

const saved = (keys: Record<string, string>) => stateOf(wholeOf(withKeys(keys), { clock: clockAt(1), writer: own }))

it("what is as it was at the click is no change, and what is not is one of now", () => {
  const { changed } = changesHere(
    saved({ same: "1", changed: "1", gone: "1" }),
    withKeys({ same: "1", changed: "2", added: "1" }),
  )
  expect(new Set(changed.map(({ field }) => field))).toEqual(new Set([key("changed"), key("added"), key("gone")]))
  expect(changed.every(({ clock }) => clock === clockAt(9))).toBe(true)
})

it("what others wrote before the click counts as theirs, whether it is here or not", () => {
  const fields = { mine: "1", theirs: "new", same: "equal" }
  const before = saved({ mine: "1", theirs: "old", same: "old" })
  const { changed: byOther } = changesOf(
    new Map([...livesOf(before)].map(([id, live]) => [id, { ...live, digest: comparedText(live.value) }])),
    withKeys(fields),
    { stamp: { clock: clockAt(2), writer: other }, digestOf: String },
  )
  const state = merge(before, stateOf(byOther))
  const { changed, known } = changesHere(state, withKeys({ mine: "1", theirs: "old", same: "equal" }))
  expect(changed).toEqual([])
  // Older than theirs: the next look takes theirs over.
  expect(known.get(key("theirs"))?.clock).not.toBe(clockAt(2))
  expect(known.get(key("same"))).toMatchObject({ clock: clockAt(2), writer: other })
  expect(changesHere(state, withKeys({ mine: "1" })).changed.map(({ field }) => field)).toEqual([])
})
