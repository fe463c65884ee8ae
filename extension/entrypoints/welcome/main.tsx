import { render } from "preact"
import { Welcome } from "../../ui/welcome.js"

const app = document.getElementById("app")
if (app !== null) render(<Welcome />, app)
