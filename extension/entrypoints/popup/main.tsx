import { render } from "preact"
import { Popup } from "../../ui/popup.js"

const app = document.getElementById("app")
if (app !== null) render(<Popup />, app)
