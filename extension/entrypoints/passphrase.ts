import { defineUnlistedScript } from "wxt/utils/define-unlisted-script"
import { answerPage } from "../answer-page.js"

export default defineUnlistedScript(() => {
  answerPage(self)
})
