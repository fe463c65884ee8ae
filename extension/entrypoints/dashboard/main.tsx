import { render } from "preact"
import { Pages } from "../../ui/pages.js"

const app = document.getElementById("app")
if (app !== null) render(<Pages />, app)
