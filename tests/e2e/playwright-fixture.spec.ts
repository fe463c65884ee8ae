import { spawn } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { test as base, expect } from "@playwright/test"
import { createCard, createIdentity, identityToText } from "../../shared/keys.js"
import { restore } from "../../shared/adapters/playwright.js"
import { openHomeVault } from "../../native-host/node.js"
import { cookie, sessionOf } from "../contracts/adapter-contract.js"
import { startSite, type Site } from "../site/site.js"
import { chromiumArgs, chromiumPath } from "./browser.js"

const program = fileURLToPath(new URL("../../dist/node/psp.mjs", import.meta.url))
const root = fileURLToPath(new URL("../..", import.meta.url))

interface Machine {
  site: Site
  env: Record<string, string>
}

/** A machine whose vault has a session of the site. */
const machineTest = base.extend<object, { machine: Machine }>({
  machine: [
    async ({}, use) => {
      const site = await startSite({ hostname: "app.fern.test" })
      const home = await mkdtemp(path.join(tmpdir(), "psp-fixture-"))
      const owner = await createIdentity("laptop")
      const env = { PSP_HOME: home, PSP_IDENTITY: identityToText(owner), PSP_OWNER: await createCard(owner) }
      const vault = await openHomeVault({ env })
      const parts = { cookies: [cookie()], local: [["token", "1"]], session: [["tab", "2"]] }
      await vault.save(sessionOf(site.origin, parts as Parameters<typeof sessionOf>[1]))
      await use({ site, env })
      await site.close()
      await rm(home, { recursive: true, force: true })
    },
    { scope: "worker" },
  ],
})

/** As in docs/adapters.md. */
const test = machineTest.extend({
  context: async ({ context, machine }, use) => {
    const snapshot = await (await openHomeVault({ env: machine.env })).load("fern.test")
    if (snapshot !== null) await restore(context, snapshot)
    await use(context)
  },
})

test.use({ launchOptions: { executablePath: chromiumPath(), args: chromiumArgs } })

test("a fixture of Playwright Test gives every test a page that is logged in", async ({ page, machine: { site } }) => {
  await page.goto(`${site.origin}/probe`)
  expect(await page.evaluate("seen")).toMatchObject({ local: [["token", "1"]], session: [["tab", "2"]] })
  expect(site.requests.find(({ path: asked }) => asked === "/probe")?.cookie).toBe("sid=abc")
})

test("`psp run` takes the place of a global setup: the whole run has the session, and no file stays", async ({
  machine: { site, env },
}) => {
  // Below the project, so that the tests find Playwright.
  await mkdir(path.join(root, "test-results"), { recursive: true })
  const folder = await mkdtemp(path.join(root, "test-results", "psp-setup-"))
  try {
    const use = { launchOptions: { executablePath: chromiumPath(), args: chromiumArgs } }
    await writeFile(
      path.join(folder, "playwright.config.ts"),
      `import { defineConfig } from "@playwright/test"
      export default defineConfig({
        testDir: ".", outputDir: "results", reporter: "line",
        use: { ...${JSON.stringify(use)}, storageState: process.env.PSP_STORAGE_STATE },
      })`,
    )
    await writeFile(
      path.join(folder, "logged-in.spec.ts"),
      `import { expect, test } from "@playwright/test"
      test("is logged in", async ({ page }) => {
        await page.goto(${JSON.stringify(`${site.origin}/probe`)})
        expect((await page.evaluate("seen")).local).toEqual([["token", "1"]])
        expect((await page.context().cookies()).map(({ name, value }) => [name, value])).toEqual([["sid", "abc"]])
        console.log("state was at " + process.env.PSP_STORAGE_STATE)
      })`,
    )
    const runner = path.join(root, "node_modules/@playwright/test/cli.js")
    const command = [process.execPath, runner, "test", "--config", path.join(folder, "playwright.config.ts")]
    const { code, out } = await run([program, "run", "fern.test", "--", ...command], env, folder)
    expect(out).toContain("1 passed")
    expect(code).toBe(0)
    const state = /state was at (\S+)/.exec(out)?.[1] ?? ""
    expect(path.basename(state)).toBe("storage-state.json")
    await expect(rm(state)).rejects.toMatchObject({ code: "ENOENT" })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

async function run(args: string[], env: Record<string, string>, cwd: string): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, args, {
    // A runner below a runner would take its variables for its own.
    env: { PATH: process.env["PATH"] ?? "", HOME: cwd, ...env },
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let out = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (out += chunk.toString()))
  const code = await new Promise<number>((resolve) => child.on("close", (ended) => resolve(ended ?? 1)))
  return { code, out }
}
