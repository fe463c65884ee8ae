import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { readdir } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { exitByCode } from "../shared/errors.js"
import { rules, type SourceFile } from "./house-rules.js"

const skipped = /^(?:node_modules|dist|coverage|test-results|playwright-report|\.wxt|\.git|\.husky\/_)(?:\/|$)/
const isText = /\.(?:tsx?|m?js|json|md|ya?ml|css|html|svg)$|^\.(?:npmrc|gitignore|editorconfig)$|\.ci\/run$/

/** What git would commit; the files themselves where there is no git (a package, a tarball). */
async function sources(): Promise<SourceFile[]> {
  const paths = existsSync(".git")
    ? execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).toString().split("\0")
    : await readdir(".", { recursive: true })
  return [...new Set(paths)]
    .filter((path) => !skipped.test(path) && isText.test(path) && existsSync(path))
    .map((path) => ({ path, text: readFileSync(path, "utf8") }))
}

/** For each rule, a file that breaks it, and one that does not. */
const examples: Record<string, { bad: SourceFile; good: SourceFile }> = {
  "imports point down only": {
    bad: { path: "shared/providers/s3.ts", text: 'import { restore } from "../adapters/playwright.js"' },
    good: { path: "native-host/cli.ts", text: 'import { PspError } from "../shared/errors.js"' },
  },
  "node: stays in native-host": {
    bad: { path: "shared/vault.ts", text: 'import { readFile } from "node:fs/promises"' },
    good: { path: "native-host/host.ts", text: 'import { readFile } from "node:fs/promises"' },
  },
  "browser.* stays in extension": {
    bad: { path: "shared/capture.ts", text: 'import { browser } from "wxt/browser"' },
    good: { path: "extension/capture.ts", text: 'import { browser } from "wxt/browser"' },
  },
  "page functions import nothing at run time": {
    bad: { path: "shared/page/read.ts", text: 'import { hex } from "../bytes.js"' },
    good: { path: "shared/page/read.ts", text: 'import type { Cookie } from "../snapshot.js"' },
  },
  "no drawer files": { bad: { path: "shared/utils.ts", text: "" }, good: { path: "shared/bytes.ts", text: "" } },
  "no any and no silenced compiler": {
    bad: { path: "shared/a.ts", text: "const x: any = 1" },
    good: { path: "shared/a.ts", text: "const company: unknown = 1" },
  },
  "named exports, default only where a tool asks": {
    bad: { path: "shared/a.ts", text: "export default function a() {}" },
    good: { path: "extension/entrypoints/background.ts", text: "export default defineBackground(start)" },
  },
  "a TODO has a date or an issue": {
    bad: { path: "shared/a.ts", text: "// TODO later" },
    good: { path: "shared/a.ts", text: "// TODO [2027-01-01] when Node 20 ends" },
  },
  "no path of a machine and no address of a registry": {
    bad: { path: "README.md", text: "cd /home/somebody/psp" },
    good: { path: "README.md", text: "cd persistent-sessions" },
  },
  "the lockfile carries no download addresses": {
    bad: { path: "package-lock.json", text: '{ "resolved": "https://example.org/a.tgz" }' },
    good: { path: "package-lock.json", text: '{ "integrity": "sha512-…" }' },
  },
  "tests wait for things, not for time": {
    bad: { path: "tests/a.test.ts", text: "await page.waitForTimeout(100)" },
    good: { path: "tests/a.test.ts", text: "await expect.poll(count).toBe(1)" },
  },
  "no test is left out or alone": {
    bad: { path: "tests/a.test.ts", text: 'it.only("x", () => {})' },
    good: { path: "tests/a.test.ts", text: 'it.skipIf(isWindows)("x", () => {})' },
  },
  "the console belongs to nobody": {
    bad: { path: "extension/a.ts", text: "console.log(cookie)" },
    good: { path: "tests/a.ts", text: "console.log(cookie)" },
  },
}

describe("house", () => {
  it.each(rules)("$title", async ({ check }) => {
    expect((await sources()).flatMap(check)).toEqual([])
  })

  it.each(rules)("rule can fail: $title", ({ title, check }) => {
    const example = examples[title]
    expect(example, "every rule needs an example that breaks it").toBeDefined()
    expect(example === undefined ? [] : check(example.bad)).not.toEqual([])
    expect(example === undefined ? [""] : check(example.good)).toEqual([])
  })

  it("reads a tree that is there", async () => {
    const paths = (await sources()).map(({ path }) => path)
    for (const expected of ["shared/envelope.ts", "native-host/host.ts", "extension/save.ts", "package-lock.json"]) {
      expect(paths).toContain(expected)
    }
  })

  it("has a file and its types behind every line of exports", () => {
    const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, unknown> }
    const build = readFileSync("native-host/build.ts", "utf8")
    for (const entry of Object.keys(exports).filter((name) => name !== "./package.json")) {
      const name = entry === "." ? "index" : entry.slice(2)
      expect(build).toMatch(new RegExp(`(?:"${name}"|\\b${name}): "`))
    }
  })

  it("gives every error code an exit status between 1 and 7", () => {
    for (const status of Object.values(exitByCode)) expect([1, 2, 3, 4, 5, 6, 7]).toContain(status)
  })
})
