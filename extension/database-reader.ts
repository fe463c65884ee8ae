import { createDatabaseReader, type DatabaseReader } from "../shared/page/database-reader.js"
import { createStructuredCodec } from "../shared/structured.js"

declare global {
  /** In the isolated world of a page, where its own scripts see nothing of it. */
  var pspDatabaseReader: DatabaseReader | undefined
}

/** Puts a reader into the world of the page that loads this, in the place of one that was left. */
export function installDatabaseReader(): void {
  globalThis.pspDatabaseReader?.stop()
  globalThis.pspDatabaseReader = createDatabaseReader(createStructuredCodec())
}
