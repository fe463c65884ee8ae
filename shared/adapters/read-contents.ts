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
}

interface Readable extends Reading {
  place: { evaluate(expression: string): Promise<string> }
}

/** About how many characters come out of the page at once. */
const pieceSize = 4 * 1024 * 1024

/** Databases and private files of an origin, into `state`; `room` is what the session may still take. */
export async function readOriginContents(
  work: ContentWork,
  frame: Readable,
  state: OriginState,
  room: { left: number },
): Promise<void> {
  const { kinds, gaps } = work
  const { counts, origin } = frame.page
  if (kinds.includes("indexedDB") && counts !== undefined) {
    if (counts.databases === null) {
      const why = "the browser does not say whether there is any"
      gaps.push({ kind: "indexedDB", where: origin, what: "IndexedDB", why, fix: "", count: 1 })
    } else if (counts.databases.length === 0) state.indexedDB = []
    else
      await readDatabases(
        work,
        frame,
        counts.databases.map(({ name }) => name),
        state,
        room,
      )
  }
  if (kinds.includes("opfs") && state.opfs !== undefined) await readPrivateFiles(work, frame, state, room)
}

async function readDatabases(
  { gaps, step, limits }: ContentWork,
  { page: { origin }, partition, place }: Readable,
  names: string[],
  state: OriginState,
  room: { left: number },
): Promise<void> {
  const collector = createDatabaseCollector(origin, partition)
  const ask = (call: string) => step(`reading databases of ${origin}`, () => place.evaluate(call))
  try {
    const install = (withHelpers: boolean) =>
      ask(`String(${installExpression("pspDatabaseReader", createDatabaseReader, createStructuredCodec, withHelpers)})`)
    if ((await install(false)) !== "true") await install(true)
    const request = { names, maxDatabase: limits.database, maxOrigin: limits.origin, pieceSize }
    let piece = await ask(`(pspDatabaseReader.begin(${JSON.stringify(request)}), pspDatabaseReader.next())`)
    for (;;) {
      const { isEnd, bytes } = collector.add(piece)
      room.left -= bytes
      if (isEnd) break
      if (room.left <= 0) {
        collector.stop("max-session")
        await ask(`(pspDatabaseReader.stop(), "")`)
        break
      }
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
  { gaps, step, limits }: ContentWork,
  { page: { origin }, partition, place }: Readable,
  state: OriginState,
  room: { left: number },
): Promise<void> {
  const where = placeOf(origin, partition)
  const max = Math.min(limits.origin, Math.max(0, room.left))
  const text = await step(`reading files of ${origin}`, () => place.evaluate(pageExpression(readFiles, { max })))
  noteFiles(JSON.parse(text) as StoredFiles | null, where, state, gaps)
  room.left -= state.opfs?.bytes ?? 0
}
