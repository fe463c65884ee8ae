import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { rm } from "node:fs/promises"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, test } from "@playwright/test"

const root = fileURLToPath(new URL("../..", import.meta.url))
const tsx = path.join(root, "node_modules/.bin/tsx")

test("the demo goes the whole way, from a click to a bot that is greeted by name", async () => {
  test.setTimeout(180_000)
  const { stdout } = await promisify(execFile)(tsx, [path.join(root, "tests/demo/start.ts")], { cwd: root })
  expect(stdout).toContain('They pressed Save session\n      "Saved app.localhost at')
  // The entry of the save in the access history comes after it was told.
  expect(stdout).toMatch(/No secret in it\n +9 secrets looked for in [45] files/)
  expect(stdout).toContain('The bot is greeted by name\n      "Good to see you, Ada"')
  const pictures = [...stdout.matchAll(/(\S+\.png)/g)].map((match) => match[1] ?? "")
  expect(pictures).toHaveLength(2)
  for (const picture of pictures) expect(existsSync(picture)).toBe(true)
  await rm(path.dirname(pictures[0] ?? ""), { recursive: true })
})
