import "./console-to-stderr.js"
import { runHost } from "./run-host.js"

if (process.stdin.isTTY) process.stderr.write("psp-host is started by the browser; to register it there: psp install\n")
else runHost()
