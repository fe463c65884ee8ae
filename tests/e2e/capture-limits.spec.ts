import { expect, test, type BrowserContext } from "@playwright/test"
import { capture } from "../../shared/adapters/playwright.js"
import { startChromium } from "./browser.js"
import { databaseScript, startScriptSite, type ScriptSite } from "./script-site.js"

const MiB = 1024 * 1024
const host = "app.example.test"
let chromium: Awaited<ReturnType<typeof startChromium>>
let site: ScriptSite
let context: BrowserContext

test.beforeAll(async () => {
  chromium = await startChromium()
  site = await startScriptSite({
    "/blobs": {
      script: `${databaseScript}
        (async () => {
          localStorage.setItem("token", "t".repeat(1000))
          const db = await open("app", (made) => made.createObjectStore("things"))
          const writing = db.transaction("things", "readwrite")
          for (let i = 0; i < 3; i++) writing.objectStore("things").put({ "ann@x.com": new Blob([new Uint8Array(5_000_000)]) }, i)
          writing.objectStore("things").put("small", 3)
          await done(writing)
          document.title = "ready"
        })()`,
    },
  })
})
test.afterAll(async () => {
  await Promise.all([chromium.stop(), site.close()])
})
test.beforeEach(async () => {
  context = await chromium.browser.newContext()
  const page = await context.newPage()
  await page.goto(site.url(host, "/blobs"))
  await expect(page).toHaveTitle("ready")
})
test.afterEach(() => context.close())

const recordsOf = async (max: { database?: number; origin?: number; session?: number }) => {
  const { origins, report } = await capture(context, { site: "example.test", max })
  const [state] = origins ?? []
  const records = state?.indexedDB?.[0]?.stores[0]?.records ?? []
  return { local: state?.localStorage?.length, records, gaps: report.gaps }
}

test("Blobs over the limit of a database are named, and cost no record behind them", async () => {
  const { records, gaps } = await recordsOf({ database: MiB, origin: MiB })
  expect(records).toEqual([{ key: "3", value: '"small"' }])
  expect(gaps).toMatchObject([{ what: '3 records of store "things" of database "app"', count: 3 }])
})

test("a session takes as many Blobs as fit, and what comes before them in any case", async () => {
  const { local, records, gaps } = await recordsOf({ session: 8 * MiB })
  expect(local).toBe(1)
  expect(records.map(({ key }) => key)).toEqual(["0", "3"])
  expect(gaps).toMatchObject([{ kind: "indexedDB", count: 2 }])
  expect(gaps[0]?.why).toContain("limit for one session")
})

test("Blobs within the limits come whole", async () => {
  const { records, gaps } = await recordsOf({})
  expect(records.map(({ key }) => key)).toEqual(["0", "1", "2", "3"])
  expect(gaps).toEqual([])
})
