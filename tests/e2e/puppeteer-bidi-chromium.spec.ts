import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { expect, test } from "@playwright/test"
import { launch } from "puppeteer-core"
import { capture, restore } from "../../shared/adapters/puppeteer.js"
import { cookie, sessionOf } from "../contracts/adapter-contract.js"
import { startSite } from "../site/site.js"
import { chromiumArgs, chromiumPath } from "./browser.js"

test("puppeteer over bidi in Chromium carries cookies exactly, and localStorage", async () => {
  const site = await startSite({ hostname: "app.fern.test" })
  const profile = await mkdtemp(path.join(tmpdir(), "psp-puppeteer-bidi-"))
  const browser = await launch({
    protocol: "webDriverBiDi",
    executablePath: chromiumPath(),
    headless: true,
    userDataDir: profile,
    args: chromiumArgs,
  })
  const context = await browser.createBrowserContext()
  const cookies = [false, true].map((hasCrossSiteAncestor) =>
    cookie({
      secure: true,
      sameSite: "none",
      partition: { topLevelSite: "https://shop.test", hasCrossSiteAncestor },
    }),
  )
  const snapshot = sessionOf(site.origin, { cookies: [...cookies, cookie()], local: [["token", "1"]] })
  const set = { cookies: 3, localStorage: 1 }
  expect(await restore(context, snapshot)).toEqual({ ok: true, set, gaps: [] })
  expect(site.requests).toEqual([])
  await (await context.newPage()).goto(`${site.origin}/blank`)
  const again = await capture(context, { site: "fern.test", kinds: ["cookies", "localStorage"] })
  expect(again.cookies).toHaveLength(3)
  expect(again.cookies).toEqual(expect.arrayContaining([...cookies, cookie()]))
  expect(again.origins?.[0]?.localStorage).toEqual([["token", "1"]])
  await browser.close()
  await site.close()
  await rm(profile, { recursive: true, force: true })
})
