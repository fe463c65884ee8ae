import type { Budget } from "../budget.js"
import { createDatabaseCollector, placeOf } from "../database-pieces.js"
import { isPspError } from "../errors.js"
import type { Limits } from "../limits.js"
import { createDatabaseReader } from "../page/database-reader.js"
import { readFiles, type StoredFiles } from "../page/read-files.js"
import { noteFiles, type Reading } from "../readings.js"
import type { Gap, Kind } from "../report.js"
import type { OriginState } from "../snapshot.js"
import { createStructuredCodec } from "../structured.js"
import { installExpression, pageExpression } from "./page-expression.js"
import type { Step } from "./steps.js"

export interface ContentWork {
  kinds: readonly Kind[]
  gaps: Gap[]
  step: Step
  limits: Limits
  budget: Budget
}

interface Readable extends Reading {
  place: { evaluate(expression: string): Promise<string> }
}

/** About how many characters come out of the page at once. */
const pieceSize = 4 * 1024 * 1024

/** The databases of an origin, into `state`, as far as the budget goes. */
export async function readOriginDatabases(work: ContentWork, frame: Readable, state: OriginState): Promise<void> {
  const { kinds, gaps } = work
  const { counts, origin } = frame.page
  if (!kinds.includes("indexedDB") || counts === undefined) return
  if (counts.databases === null) {
    const why = "the browser does not say whether there is any"
    gaps.push({ kind: "indexedDB", where: origin, what: "IndexedDB", why, fix: "", count: 1 })
  } else if (counts.databases.length === 0) state.indexedDB = []
  else {
    const names = counts.databases.map(({ name }) => name)
    await readDatabases(work, frame, names, state)
  }
}

/** The private files of an origin, when they were asked for. */
export async function readOriginFiles(work: ContentWork, frame: Readable, state: OriginState): Promise<void> {
  if (work.kinds.includes("opfs") && state.opfs !== undefined) await readPrivateFiles(work, frame, state)
}

async function readDatabases(
  { gaps, step, limits, budget }: ContentWork,
  { page: { origin }, partition, place }: Readable,
  names: string[],
  state: OriginState,
): Promise<void> {
  const collector = createDatabaseCollector(origin, partition, budget)
  const ask = (call: string) => step(`reading databases of ${origin}`, () => place.evaluate(call))
  try {
    const install = (withHelpers: boolean) =>
      ask(`String(${installExpression("pspDatabaseReader", createDatabaseReader, createStructuredCodec, withHelpers)})`)
    if ((await install(false)) !== "true") await install(true)
    const request = { names, maxDatabase: limits.database, maxOrigin: limits.origin, pieceSize }
    let piece = await ask(`(pspDatabaseReader.begin(${JSON.stringify(request)}), pspDatabaseReader.next())`)
    for (;;) {
      const { isEnd, isFull } = collector.add(piece)
      if (isFull) await ask(`(pspDatabaseReader.stop(), "")`)
      if (isEnd) break
      piece = await ask("pspDatabaseReader.next()")
    }
  } catch (error) {
    if (isPspError(error) && error.code !== "bad-target") throw error
    collector.stop("gone")
  }
  state.indexedDB = collector.databases
  gaps.push(...collector.gaps)
}

async function readPrivateFiles(
  { gaps, step, limits, budget }: ContentWork,
  { page: { origin }, partition, place }: Readable,
  state: OriginState,
): Promise<void> {
  const where = placeOf(origin, partition)
  const max = Math.min(limits.origin, budget.left)
  const text = await step(`reading files of ${origin}`, () =>
    place.evaluate(pageExpression(readFiles, { max })).catch(() => "null"),
  )
  noteFiles(JSON.parse(text) as StoredFiles | null, where, state, budget, gaps)
}
