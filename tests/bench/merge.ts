import * as Y from "yjs"
import { clockAt, type Clock } from "../../shared/hlc.js"
import { merge, stateOf, type Live, type SessionState } from "../../shared/merge.js"
import { frameOf } from "../../shared/merge/compose.js"
import { fieldsOf, idOf } from "../../shared/merge/fields.js"
import { createWriterDoc, registersToUpdate } from "../../shared/merge/registers.js"
import { baseToState, stateToBase } from "../../shared/merge/stamps.js"
import { snapshotToJson, type Snapshot } from "../../shared/snapshot.js"
import { sessionOf } from "./restore.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

const writers = ["writer-a", "writer-b", "writer-c"]
const began = Date.UTC(2026, 0)
const clock = (step: number): Clock => clockAt(began + step)

/** What merging costs, and what a long history leaves behind, beside the same in one plain Y.Map. */
export async function benchMerge(rounds = 11): Promise<BenchRow[]> {
  return [...(await mergeRows(rounds)), growthRow()]
}

const item = (at: number) => idOf(["localStorage", "https://app.bench.test", null, `key-${at}`])
const live = (field: string, at: number, writer: string, born: Clock): Live => ({
  field,
  clock: clock(at),
  writer,
  born,
  value: `value of step ${at}`.padEnd(100, "x"),
  rank: 0,
  expiresAt: null,
})

/** 1,000 deltas of three writers, each of ten fields, into a session of 10,000. */
async function mergeRows(rounds: number): Promise<BenchRow[]> {
  const base = stateOf(Array.from({ length: 10_000 }, (_, at) => live(item(at), 0, "writer-a", clock(0))))
  const deltas = Array.from({ length: 1_000 }, (_, at) => ({
    writer: writers[at % 3] ?? "",
    fields: Array.from({ length: 10 }, (_, nth) => item((at * 7919 + nth * 104_729) % 10_000)),
    at: at + 1,
  }))
  const updates = deltas.map(({ writer, fields, at }) => ({
    writer,
    update: registersToUpdate(fields.map((field) => live(field, at, writer, clock(0)))),
  }))
  const plain = plainUpdates(deltas)
  const heap: number[] = []
  const counts: number[] = []
  const times = await interleave(rounds, {
    ours: () => {
      const before = process.memoryUsage().heapUsed
      const time = timeOf(() => counts.push(mergeAll(base, updates).fields.size))
      heap.push(process.memoryUsage().heapUsed - before)
      return time
    },
    plain: () =>
      timeOf(() => {
        const doc = new Y.Doc()
        for (const update of plain) Y.applyUpdate(doc, update)
        doc.getMap("fields").toJSON()
        doc.destroy()
      }),
  })
  if (counts.some((count) => count !== 10_000)) throw new Error("Fields were lost or made up")
  return [
    {
      name: "Merge 1,000 deltas of 10 fields into 10,000 fields",
      value: `${median(times.ours).toFixed(1)} ms, ${(median(heap) / 1e6).toFixed(1)} MB of heap`,
      peer: `one plain Y.Map ${median(times.plain).toFixed(1)} ms`,
      ratio: median(times.ours) / median(times.plain),
      limit: null,
      range: rangeOf(times.ours),
    },
  ]
}

/** As `collect` does it: a document for each writer, and all that they say joined once. */
function mergeAll(base: SessionState, updates: readonly { writer: string; update: Uint8Array }[]): SessionState {
  const docs = new Map(writers.map((writer) => [writer, createWriterDoc(writer)]))
  const registers = updates.flatMap(({ writer, update }) => docs.get(writer)?.apply(update).registers ?? [])
  return merge(base, stateOf(registers))
}

/** The same in one document that everybody writes into. */
function plainUpdates(deltas: readonly { fields: string[]; at: number }[]): Uint8Array[] {
  const doc = new Y.Doc()
  const map = doc.getMap("fields")
  const updates: Uint8Array[] = []
  const keep = (update: Uint8Array) => void updates.push(update)
  doc.on("update", keep)
  doc.transact(() => Array.from({ length: 10_000 }, (_, at) => map.set(item(at), `value ${at}`.padEnd(100, "x"))))
  for (const { fields, at } of deltas)
    doc.transact(() => fields.forEach((field) => map.set(field, `value of step ${at}`.padEnd(100, "x"))))
  doc.destroy()
  return updates
}

/** 100,000 rotations of one cookie, folded into the base after every 50 of them, which is when an owner does it. */
function growthRow(): BenchRow {
  const snapshot: Snapshot = sessionOf(100, 0)
  const fresh = baseToState(snapshot, undefined, { clock: clock(0), writer: "writer-a" })
  const [field, { value }] = [...fieldsOf(snapshot)].find(([, one]) => Array.isArray(one.value)) ?? [
    "",
    { value: null },
  ]
  const plain = new Y.Doc()
  const map = plain.getMap("cookies")
  for (const cookie of snapshot.cookies ?? []) map.set(cookie.name, JSON.stringify(cookie))
  let state = fresh
  for (let folded = 0; folded < 100_000; folded += 50) {
    const updates = Array.from({ length: 50 }, (_, nth) => {
      const at = folded + nth + 1
      const next = (value as object[]).map((cookie) => ({ ...cookie, value: String(at).padStart(40, "0") }))
      map.set("cookie-0", JSON.stringify(next))
      const one: Live = { ...live(field, at, writers[at % 3] ?? "", clock(0)), value: next }
      return { writer: one.writer, update: registersToUpdate([one]) }
    })
    state = mergeAll(state, updates)
  }
  const bytes = (of: SessionState) => JSON.stringify(baseOf(snapshot, of)).length
  const plainBytes = Y.encodeStateAsUpdate(plain).length
  plain.destroy()
  return {
    name: "A compacted base after 100,000 rotations of one of its 100 cookies",
    value: `${(bytes(state) / 1e3).toFixed(1)} kB`,
    peer: `fresh ${(bytes(fresh) / 1e3).toFixed(1)} kB (plain Y.Map ${(plainBytes / 1e3).toFixed(1)} kB)`,
    ratio: bytes(state) / bytes(fresh),
    limit: 2,
    range: "",
  }
}

function baseOf(snapshot: Snapshot, state: SessionState) {
  const { snapshot: composed, stamps } = stateToBase(frameOf(snapshot), state, Date.now())
  return { snapshot: snapshotToJson(composed), stamps }
}

function timeOf(work: () => unknown): Promise<number> {
  const started = performance.now()
  work()
  return Promise.resolve(performance.now() - started)
}
