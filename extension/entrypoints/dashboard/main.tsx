import { render } from "preact"
import { Dashboard } from "../../ui/dashboard.js"

const app = document.getElementById("app")
if (app !== null) render(<Dashboard />, app)
