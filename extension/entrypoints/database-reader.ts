import { defineUnlistedScript } from "wxt/utils/define-unlisted-script"
import { createDatabaseReader, type DatabaseReader } from "../../shared/page/database-reader.js"
import { createStructuredCodec } from "../../shared/structured.js"

declare global {
  /** In the isolated world of a page, where its own scripts see nothing of it. */
  var pspDatabaseReader: DatabaseReader | undefined
}

export default defineUnlistedScript(() => {
  globalThis.pspDatabaseReader?.stop()
  globalThis.pspDatabaseReader = createDatabaseReader(createStructuredCodec())
})
