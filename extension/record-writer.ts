import { createRecordWriter, type RecordWriter } from "../shared/page/record-writer.js"
import { createStructuredCodec } from "../shared/structured.js"

declare global {
  /** In the isolated world of a page, where its own scripts see nothing of it. */
  var pspRecordWriter: RecordWriter | undefined
}

/** Puts a writer into the world of the page that loads this. */
export function installRecordWriter(): void {
  globalThis.pspRecordWriter = createRecordWriter(createStructuredCodec())
}
