import { createDatabaseWriter, type DatabaseSchema } from "../page/database-writer.js"
import { writeFiles } from "../page/write-files.js"
import { writeStorage } from "../page/write-storage.js"
import type { IndexedDatabase } from "../snapshot.js"
import { createStructuredCodec } from "../structured.js"
import type { BlankPage, BlankPlace } from "./blank-page.js"
import { installExpression, pageFunction } from "./page-expression.js"
import type { Step } from "./steps.js"
import {
  countDatabase,
  countFiles,
  countUncleared,
  countWritten,
  unreachedGaps,
  type Part,
  type Visit,
  type Written,
} from "./storage-report.js"

/**
 * What becomes of what is there: it goes, it stays, or (`update`) it becomes what is wanted while pages are looking: of
 * localStorage only what differs is written, and a database of the same shape keeps its connections.
 */
export type Existing = "replace" | "keep" | "update"

/** About how many characters of records go into the page at once; two such pieces are under way. */
const pieceSize = 512 * 1024

/** Puts everything of one origin (below one top-level site) in its place, reads it back, and adds to the report. */
export async function fillOrigin(
  page: BlankPage,
  visit: Visit,
  existing: Existing,
  step: Step,
  part: Part,
): Promise<void> {
  const { origin, partition, local, session, databases, files } = visit
  if (partition !== null && !(await step("looking at frames", () => page.keepsApart()))) {
    unreachedGaps(visit, part, notApart)
    return
  }
  const place = await step(`visiting ${origin}`, () => page.visit(origin, partition))
  if (place === null) {
    unreachedGaps(visit, part)
    return
  }
  const writer = databases === null ? null : openWriter(place, visit, existing, step)
  const [first = null, ...others] = session ?? []
  for (const state of [{ local, session: first }, ...others.map((items) => ({ local: null, session: items }))]) {
    if (state.local === null && state.session === null) continue
    const written = await step(`filling ${origin}`, () =>
      place.call(pageFunction(writeStorage), JSON.stringify({ ...state, existing })),
    )
    countWritten(visit, state, JSON.parse(String(written)) as Written, part)
  }
  if (databases !== null && writer !== null) await fillDatabases(await writer, visit, databases, part)
  if (files !== null) {
    const failed = await step(`writing files of ${origin}`, () =>
      place.call(pageFunction(writeFiles), JSON.stringify({ entries: files, replace: existing !== "keep" })),
    )
    countFiles(visit, files, JSON.parse(String(failed)) as number[], part)
  }
}

const notApart = {
  why: "this browser does not keep the storage of frames apart, so it would get into that of the site itself",
  fix: "start Chromium without --disable-features=ThirdPartyStoragePartitioning (Playwright sets it by default)",
}

/** Speaks to the database writer in the page. */
interface Writer {
  /** Why the databases that were there did not go; null: they are gone, or may stay. */
  fault: string | null
  existing: Existing
  ask: <T>(what: string, call: string) => Promise<T>
  write: (piece: Piece) => Promise<[place: number, why: string][]>
}

/** Puts the writer into the page, and clears the way: the browser does that while the page fills its storage. */
function openWriter(place: BlankPlace, { origin, databases }: Visit, existing: Existing, step: Step): Promise<Writer> {
  const ask: Writer["ask"] = async (what, call) => {
    const answer = await step(`${what} of ${origin}`, () => place.evaluate(`pspDatabaseWriter.${call}`))
    return JSON.parse(String(answer)) as never
  }
  const install = (withHelpers: boolean) =>
    place.evaluate(installExpression("pspDatabaseWriter", createDatabaseWriter, createStructuredCodec, withHelpers))
  const open = async (): Promise<Writer> => {
    await step(`opening databases of ${origin}`, async () => (await install(false)) === true || install(true))
    const none: { fault: string | null } = { fault: null }
    const staying = existing === "update" ? (databases ?? []).map(({ name }) => name) : []
    const clear = `clear(${JSON.stringify(staying)})`
    const { fault } = existing === "keep" ? none : await ask<typeof none>("clearing databases", clear)
    return {
      fault,
      existing,
      ask,
      async write({ store, lines }) {
        const fn = `(lines) => pspDatabaseWriter.write(${store}, lines)`
        const answer = await step(`writing records of ${origin}`, () => place.call(fn, lines))
        return (JSON.parse(String(answer)) as { failed: [number, string][] }).failed
      },
    }
  }
  const opened = open()
  // Heard where it is awaited; until then something else may fail first.
  opened.catch(() => undefined)
  return opened
}

async function fillDatabases(
  { fault: uncleared, existing, ask, write }: Writer,
  visit: Visit,
  databases: IndexedDatabase[],
  part: Part,
): Promise<void> {
  part.set.indexedDB ??= 0
  const isUpdate = existing === "update"
  if (isUpdate && uncleared !== null) countUncleared(visit, uncleared, part)
  for (const database of databases) {
    const begin = `begin(${JSON.stringify(schemaOf(database))}, ${isUpdate})`
    const { fault } =
      uncleared === null || isUpdate
        ? await ask<{ fault: string | null }>("making a database", begin)
        : { fault: uncleared }
    const failed: [store: number, record: number, why: string][] = []
    let ended: { counts: number[]; generators: (string | null)[] } = { counts: [], generators: [] }
    if (fault === null) {
      let before: Promise<void> = Promise.resolve()
      for (const piece of piecesOf(database)) {
        // While the browser stores one piece, the page reads the next.
        const writing = write(piece).then((lost) => {
          for (const [record, why] of lost) failed.push([piece.store, piece.first + record, why])
        })
        writing.catch(() => undefined)
        await before
        before = writing
      }
      await before
      ended = await ask("ending a database", "end()")
    }
    countDatabase(visit, database, { fault, failed, ...ended }, part)
  }
}

function schemaOf({ name, version, stores }: IndexedDatabase): DatabaseSchema {
  return {
    name,
    version,
    stores: stores.map(({ name: storeName, keyPath, autoIncrement, nextKey, indexes }) => {
      return { name: storeName, keyPath, autoIncrement, nextKey, indexes }
    }),
  }
}

interface Piece {
  store: number
  /** Place of its first record in the store. */
  first: number
  lines: string
}

/** Runs of records of one store, as lines: key, value, key, value. */
function* piecesOf({ stores }: IndexedDatabase): Generator<Piece> {
  for (const [store, { records = [] }] of stores.entries()) {
    let lines: string[] = []
    let size = 0
    for (const [index, { key, value }] of records.entries()) {
      lines.push(key, value)
      size += key.length + value.length
      if (size < pieceSize && index + 1 < records.length) continue
      yield { store, first: index + 1 - lines.length / 2, lines: lines.join("\n") }
      lines = []
      size = 0
    }
  }
}
