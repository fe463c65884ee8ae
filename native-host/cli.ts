import { dirname } from "node:path"
import { createInterface } from "node:readline/promises"
import { fileURLToPath } from "node:url"
import { runCli } from "./run-cli.js"
import { readSecret } from "./secret-input.js"

async function ask(question: string): Promise<string | null> {
  if (!process.stdin.isTTY) return null
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await terminal.question(question)
  } finally {
    terminal.close()
  }
}

let interruption: AbortController | null = null

/** A second Ctrl-C finds nobody listening, and ends the process as always. */
function interrupted(): AbortSignal {
  if (interruption === null) {
    const controller = (interruption = new AbortController())
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort())
  }
  return interruption.signal
}

// A reader of a pipe that went away (`psp list | head -1`) is no fault.
process.stdout.on("error", () => process.exit(0))
process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  ask,
  readSecret: (question) => readSecret(question, { input: process.stdin, output: process.stderr }),
  askSecret: (question) =>
    process.stdin.isTTY
      ? readSecret(question, { input: process.stdin, output: process.stderr })
      : Promise.resolve(null),
  programs: dirname(fileURLToPath(import.meta.url)),
  now: Date.now,
  interrupted,
  ...(process.stderr.isTTY ? { columns: () => process.stderr.columns } : {}),
})
