import "./console-to-stderr.js"
import { runHost } from "./run-host.js"

if (process.stdin.isTTY) console.error("psp-host is started by the browser; to register it there, run: psp install")
else runHost()
