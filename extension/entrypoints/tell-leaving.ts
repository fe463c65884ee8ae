import { defineUnlistedScript } from "wxt/utils/define-unlisted-script"
import { tellLeaving } from "../tell-leaving.js"

export default defineUnlistedScript(() => {
  void tellLeaving()
})
