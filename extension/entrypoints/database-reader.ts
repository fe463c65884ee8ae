import { defineUnlistedScript } from "wxt/utils/define-unlisted-script"
import { installDatabaseReader } from "../database-reader.js"

export default defineUnlistedScript(() => {
  installDatabaseReader()
})
