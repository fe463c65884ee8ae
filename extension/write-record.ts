import { schemaTag, type Path } from "../shared/merge/fields.js"
import type { RecordPlace, RecordReading, RecordSwap } from "../shared/page/record-writer.js"
import { askFrame, loadIntoFrame } from "./ask-tab.js"
import type { OpenFrames } from "./open-frames.js"
import type { StoragePlace } from "./write-storage.js"

/** The value of a record's field: which schema it is of, and the text of the codec. */
export type RecordValue = [tag: string, text: string]

/** What a record is here, null where there is none; `why` it cannot be written; null when no page of its place is open. */
export async function recordAt(
  frames: OpenFrames,
  place: StoragePlace,
  path: Path,
): Promise<{ tag: string; record: RecordValue | null } | { why: string } | null> {
  const text = await ask(frames, place, readRecord, recordPlaceOf(path))
  if (text === null) return null
  const { fault, schema, value } = JSON.parse(text) as RecordReading
  if (fault !== null || schema === null) return { why: whyOf(fault) }
  const tag = schemaTag(schema)
  return { tag, record: value === null ? null : [tag, value] }
}

/** @returns whether the record is `to` now; else it is as it was */
export async function swapRecordAt(
  frames: OpenFrames,
  place: StoragePlace,
  path: Path,
  from: RecordValue | null,
  to: RecordValue | null,
): Promise<boolean> {
  const request: RecordSwap = { ...recordPlaceOf(path), from: from?.[1] ?? null, to: to?.[1] ?? null }
  const text = await ask(frames, place, swapRecord, request)
  return text !== null && (JSON.parse(text) as { fault: string | null }).fault === null
}

function recordPlaceOf([, origin, , database, store, key]: Path): RecordPlace {
  return { origin: String(origin), database: String(database), store: String(store), key: String(key) }
}

async function ask(
  frames: OpenFrames,
  { origin, partition }: StoragePlace,
  work: (request: string) => Promise<string> | null,
  request: RecordPlace,
): Promise<string | null> {
  for (const { target } of await frames(origin, partition)) {
    if (!(await loadIntoFrame(target, "/record-writer.js").catch(() => false))) continue
    const answer = await askFrame(target, work, [JSON.stringify(request)]).catch(() => null)
    if (answer !== null) return answer
  }
  return null
}

function readRecord(request: string): Promise<string> | null {
  return globalThis.pspRecordWriter?.read(request) ?? null
}

function swapRecord(request: string): Promise<string> | null {
  return globalThis.pspRecordWriter?.swap(request) ?? null
}

function whyOf(fault: string | null): string {
  if (fault === "no-database") return "its database is not here, and none is made"
  if (fault === "no-store") return "its store is not here, and none is made"
  if (fault === "late") return "the site holds its database; close its other tabs"
  return `its database could not be read (${fault ?? "no answer"})`
}
