import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { chromium, expect, test, type BrowserContext } from "@playwright/test"
import { capture, diff, refresh, restore } from "../../shared/adapters/playwright.js"
import { parseSnapshot } from "../../shared/snapshot.js"
import { cookie, seenBy, sessionOf } from "../contracts/adapter-contract.js"
import { startSite, type Site } from "../site/site.js"
import { chromiumArgs, chromiumPath, keepThirdPartyStorage } from "./browser.js"

/** The context of `launchPersistentContext` is the browser's default one, and lives in a profile on disk. */
let site: Site
let profile: string
let context: BrowserContext

const launch = () =>
  chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath(),
    headless: false,
    args: ["--headless=new", ...chromiumArgs],
  })

test.beforeAll(async () => {
  site = await startSite({ hostname: "app.fern.test" })
})
test.afterAll(() => site.close())
test.beforeEach(async () => {
  profile = await mkdtemp(path.join(tmpdir(), "psp-persistent-"))
  await keepThirdPartyStorage(profile)
  context = await launch()
  site.requests.length = 0
})
test.afterEach(async () => {
  await context.close()
  await rm(profile, { recursive: true, force: true, maxRetries: 10 })
})

const inADay = Math.round(Date.now() / 1000 + 86_400) * 1000
const session = () =>
  sessionOf(site.origin, {
    cookies: [
      cookie({ name: "__Host-id", secure: true }),
      cookie({ name: "stays", expiresAt: inADay, httpOnly: true }),
    ],
    local: [["token", "1"]],
    session: [["tab", "2"]],
  })

test("a persistent context gets a session with no request and keeps its tab, and gives it back as it was", async () => {
  const before = context.pages()
  const report = await restore(context, session())
  expect(report).toEqual({ ok: true, set: { cookies: 2, localStorage: 1, sessionStorage: 1 }, gaps: [] })
  expect([site.requests, context.pages()]).toEqual([[], before])
  const [page = await context.newPage()] = before
  await page.goto(`${site.origin}/probe`)
  expect(await seenBy(page)).toMatchObject({ local: [["token", "1"]], session: [["tab", "2"]] })
  const { cookies, origins, tabs } = parseSnapshot(JSON.stringify(await capture(context, { site: "fern.test" })))
  expect(cookies?.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(session().cookies)
  expect(origins?.[0]?.localStorage).toEqual([["token", "1"]])
  expect(tabs?.[0]?.sessionStorage[0]?.items).toEqual([["tab", "2"]])
})

test("what changed in a persistent context is told by name, and a newer state takes its place", async () => {
  await restore(context, session())
  const page = await context.newPage()
  await page.goto(`${site.origin}/blank`)
  expect(await diff(context, session())).toEqual({ same: true, differences: [], notCompared: [] })
  await page.evaluate(() => localStorage.setItem("token", "rotated"))
  expect((await diff(context, session())).differences).toMatchObject([
    { kind: "localStorage", where: site.origin, name: "token", change: "changed" },
  ])
  expect(await refresh(context, session())).toMatchObject({ ok: true, gaps: [] })
  expect((await diff(context, session())).same).toBe(true)
})

test("what outlives a browser is there when the profile is opened again", async () => {
  await restore(context, session())
  await context.close()
  context = await launch()
  const again = await capture(context, { site: "fern.test", origins: [site.origin] })
  expect(again.cookies?.map(({ name }) => name)).toEqual(["stays"])
  expect(again.origins?.[0]?.localStorage).toEqual([["token", "1"]])
})

test("a persistent context without a tab, which forgets cookies of the session, is no success", async () => {
  await context.pages()[0]?.close()
  await expect(restore(context, session())).rejects.toMatchObject({
    code: "bad-target",
    message: expect.stringContaining("no tab was open"),
  })
  await context.newPage()
  expect(await restore(context, session())).toMatchObject({ ok: true, set: { cookies: 2 } })
})
