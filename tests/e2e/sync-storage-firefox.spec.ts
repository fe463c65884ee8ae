import { expect, test } from "@playwright/test"
import type { Page } from "puppeteer-core"
import type { SyncMode } from "../../extension/sync-settings.js"
import type { FieldId } from "../../shared/merge/fields.js"
import { defaultKinds } from "../../shared/report.js"
import { expectStatus, expectText, prepareFirefoxTests, press, textOf, trust } from "./firefox-tests.js"
import { lookNow, switchSync, syncStates, takeIn } from "./sync-steps.js"
import {
  grantStorageBot,
  makeDatabase,
  readRecord,
  siteName,
  startStorageSite,
  withItems,
  withRecord,
} from "./storage-sync.js"

const { start } = prepareFirefoxTests()

/** A person whose page is saved once and kept in sync, and a bot that may save back. */
async function keepInSync(origin: string, mode: SyncMode, prepare?: (tab: Page) => Promise<void>) {
  const firefox = await start({ hostnames: [`app.${siteName}`] })
  const tab = await firefox.openTab(`${origin}/`)
  await prepare?.(tab)
  await firefox.allow(`*://*.${siteName}/*`)
  const popup = await firefox.openPopup(tab)
  await trust(popup)
  await press(popup, "Save session")
  await expectStatus(popup, /^Saved/)
  const scope = { alsoSites: [], kinds: [...defaultKinds], withoutOrigins: [], storeId: "firefox-default" }
  await switchSync(popup, { site: siteName, mode, scope })
  return { tab, popup, bot: await grantStorageBot(firefox) }
}

test("in Firefox a ticked key and a ticked record enter the page, and can be undone", async () => {
  const site = await startStorageSite()
  try {
    const origin = site.origin()
    const { tab, popup, bot } = await keepInSync(origin, "both", async (page) => {
      await page.evaluate(() => localStorage.setItem("token", "first"))
      await page.evaluate(makeDatabase)
    })
    await bot.save((origins) => withItems(origin, { token: "second" })(withRecord(origins)))
    await lookNow(popup, siteName)
    await expectText(popup, "changes by others wait for you")
    const [{ held } = { held: [] }] = await syncStates(popup)
    await takeIn(
      popup,
      siteName,
      held.filter(({ id }) => isTokenOrRecord(id)),
    )
    await expectText(popup, "Took over 2 changes, by bot ci-1.")
    expect(await tab.evaluate(() => localStorage.getItem("token"))).toBe("second")
    expect(await tab.evaluate(readRecord)).toBe("second")
    await expectText(popup, "Reload the page to use it: app.storage.test")
    await press(popup, "Undo")
    await expectText(popup, "2 changes are as they were before")
    expect(await tab.evaluate(() => localStorage.getItem("token"))).toBe("first")
    expect(await tab.evaluate(readRecord)).toBe("first")
    expect(await textOf(popup)).not.toContain("Not in sync")
  } finally {
    await site.close()
  }
})

test("in Firefox a page is looked at when it goes from view, and its last word before it is closed is saved", async () => {
  const site = await startStorageSite()
  try {
    const origin = site.origin()
    const { tab, popup, bot } = await keepInSync(origin, "save")
    await tab.bringToFront()
    await tab.evaluate(() => localStorage.setItem("token", "in view"))
    await popup.bringToFront()
    await expect.poll(() => bot.items(origin)).toEqual([["token", "in view"]])
    await tab.bringToFront()
    await tab.evaluate(() => addEventListener("pagehide", () => localStorage.setItem("token", "last")))
    await tab.close()
    await expect.poll(() => bot.items(origin)).toEqual([["token", "last"]])
  } finally {
    await site.close()
  }
})

function isTokenOrRecord(field: FieldId): boolean {
  return field.startsWith('["localStorage",') || (field.startsWith('["record",') && field.includes('"app"'))
}
