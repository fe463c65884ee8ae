import { readFileSync } from "node:fs"
import { expect, test } from "@playwright/test"
import { connect, type Browser } from "puppeteer-core"
import { cookie, describeAdapter, sessionOf } from "../contracts/adapter-contract.js"
import { capture, diff, open, restore, type ToolContext } from "../examples/tool-adapter.js"
import { startRunningChromium, type RunningChromium } from "../servers/chromium.js"
import { openPuppeteerContext } from "./puppeteer-target.js"

/** Raw CDP, by the adapter that docs/adapters.md shows to those who add a tool. */
let chromium: RunningChromium
/** What drives the tabs of the suite, on a line of its own beside ours, as a person's own tool does. */
let beside: Browser

test.beforeAll(async () => {
  chromium = await startRunningChromium()
  beside = await connect({ browserWSEndpoint: chromium.socket })
})
test.afterAll(async () => {
  await beside.disconnect()
  await chromium.stop()
})

const contextOf = (id: string | null): ToolContext => ({ endpoint: () => chromium.address, contextId: () => id })

describeAdapter<ToolContext>("raw cdp in Chromium", {
  adapter: { capture, diff, open, restore },
  open: async () => {
    const { target, ...rest } = await openPuppeteerContext(beside)
    return { ...rest, target: contextOf(target.id ?? null) }
  },
  // Whoever speaks CDP itself does all of it.
  differences: {},
  wrongTargets: {
    nothing: () => undefined,
    "an address": () => chromium.address,
    "a browser": () => ({ newContext: () => undefined }),
    "a context that is not there": () => contextOf("0123456789ABCDEF0123456789ABCDEF"),
  },
})

test("a restore over cdp into one context leaves the browser's own as it is", async () => {
  const mine = await openPuppeteerContext(beside)
  const id = mine.target.id ?? null
  const cookies = [cookie()]
  const snapshot = sessionOf("http://app.fern.test", { cookies, local: [["token", "1"]] })
  expect(await restore(contextOf(id), snapshot)).toMatchObject({ ok: true })
  const held = async (of: string | null) =>
    (await capture(contextOf(of), { site: "fern.test", kinds: ["cookies"] })).cookies
  expect([await held(id), await held(null)]).toEqual([cookies, []])
  await mine.close()
})

test("the adapter of docs/adapters.md stands there as it is tested", () => {
  const tested = readFileSync("tests/examples/tool-adapter.ts", "utf8")
  const code = tested.replaceAll("../../shared/adapters/", "./").replaceAll("../../shared/", "../")
  expect(readFileSync("docs/adapters.md", "utf8")).toContain(
    `\n   \`\`\`ts\n${code.replace(/^(?=.)/gm, "   ")}   \`\`\`\n`,
  )
})
