import { defineUnlistedScript } from "wxt/utils/define-unlisted-script"
import { installRecordWriter } from "../record-writer.js"

export default defineUnlistedScript(() => {
  installRecordWriter()
})
