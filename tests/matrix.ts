import { spawn } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"

/**
 * `npx tsx tests/matrix.ts`: runs the conformance site for every adapter and browser of this machine, and puts the matrix that
 * the test prints into the pages that show it. Fails, and changes nothing, where a test does.
 */
const pages = ["docs/adapters.md", "README.md"]
const marked = /<!-- matrix -->[\s\S]*?<!-- \/matrix -->/

const child = spawn("npx", ["playwright", "test", "adapters-conformance.spec"], {
  stdio: ["ignore", "pipe", "inherit"],
})
let told = ""
child.stdout.on("data", (chunk: Buffer) => {
  told += chunk.toString()
  process.stdout.write(chunk)
})
const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
const matrix = marked.exec(told)?.[0]
if (code !== 0 || matrix === undefined) throw new Error("No matrix: a test failed, or all were skipped")
const shown = matrix.replace("-->\n", "-->\n\n").replace("\n<!-- /", "\n\n<!-- /")
for (const page of pages) {
  const text = await readFile(page, "utf8")
  if (!marked.test(text)) throw new Error(`No place for the matrix in ${page}`)
  await writeFile(
    page,
    text.replace(marked, () => shown),
  )
}
