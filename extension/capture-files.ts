import { readFiles, type StoredFiles } from "../shared/page/read-files.js"
import { placeOf } from "../shared/database-pieces.js"
import { noteFiles } from "../shared/readings.js"
import type { Gap } from "../shared/report.js"
import type { OriginState } from "../shared/snapshot.js"
import { askFrame } from "./ask-tab.js"
import type { Reading } from "./capture-databases.js"
import type { FrameReading } from "./capture-tabs.js"

/** The origin private file system, when the person asked for it: one answer, so it is for small ones. */
export async function captureFiles(
  { target, page, partition }: FrameReading,
  state: OriginState,
  { limits, budget, onBytes }: Reading,
  gaps: Gap[],
): Promise<void> {
  const where = placeOf(page.origin, partition)
  const max = Math.min(limits.origin, budget.left)
  const text = await askFrame(target, readFiles, [{ max }]).catch(() => null)
  const found = text === null ? null : (JSON.parse(text) as StoredFiles | null)
  noteFiles(found, where, state, budget, gaps)
  onBytes(state.opfs?.bytes ?? 0)
}
