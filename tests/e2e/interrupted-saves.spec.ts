import { rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { expect, test, type Page } from "@playwright/test"
import { faultCount } from "../fault-count.js"
import { startBrowser, type TestBrowser } from "./browser.js"
import { startCaptureSite, type CaptureSite } from "./capture-site.js"
import { countCommits, openQuietPopup, openRound, rehearse, savedRound, stepOf, waitingIn } from "./save-steps.js"
import { statusOf } from "./saved-session.js"
import { openComputerVault } from "./saving.js"

let site: CaptureSite
let browser: TestBrowser

test.beforeEach(async () => {
  site = await startCaptureSite()
  browser = await startBrowser()
})
test.afterEach(async () => {
  await browser.stop()
  await site.close()
})

const rounds = faultCount(3)

test("a browser that is killed at any step of a save commits it once if it was sealed, else never, and nothing by half", async () => {
  test.setTimeout(Math.max(120_000, rounds * 15_000))
  const { steps, letGo } = await rehearse(browser, site)
  // What the browser knows of permissions is on the disk once it was closed.
  await browser.context.close()
  await browser.restart()
  let commits = await countCommits(browser)
  let newest = await savedRound(browser, site)
  for (let round = 0; round < rounds; round++) {
    const step = stepOf(steps, round, rounds)
    await test.step(step.title, async () => {
      const page = await openRound(browser, site, String(round))
      await step.reach(await openQuietPopup(browser, page), page)
      await browser.kill()

      // Held, so that what is there can be looked at before it goes out.
      await writeFile(path.join(browser.home, "hold"), "0")
      const stored = (await countCommits(browser)) - commits
      await browser.restart()
      const dashboard = await browser.openPage("dashboard")
      const waiting = await waitingIn(dashboard)
      const expected = Math.max(stored, waiting)
      expect([0, 1]).toContain(expected)
      if (step.commits !== null) expect(expected).toBe(step.commits)

      await letGo()
      await expect.poll(() => waitingIn(dashboard), { timeout: 60_000 }).toBe(0)
      expect((await countCommits(browser)) - commits).toBe(expected)
      if (expected === 1) newest = String(round)
      expect(await savedRound(browser, site)).toBe(newest)
      commits += expected
      await rm(path.join(browser.home, "frames"), { force: true })
    })
  }
  expect((await (await openComputerVault(browser)).verify()).defects).toEqual([])
})

test("a background that is stopped at any step of a save finishes it, once", async () => {
  test.setTimeout(Math.max(120_000, rounds * 15_000))
  const { steps, letGo } = await rehearse(browser, site)
  let commits = await countCommits(browser)
  for (let round = 0; round < rounds; round++) {
    const step = stepOf(steps, round, rounds)
    await test.step(step.title, async () => {
      const page = await openRound(browser, site, String(round))
      const popup = await openQuietPopup(browser, page)
      await step.reach(popup, page)
      await stopBackground(page)
      await page.evaluate("globalThis.release?.()")
      await letGo()
      // The popup it was clicked in stays open, or the person looks again later.
      const isOpen = (round + Math.floor(round / steps.length)) % 2 === 0
      if (!isOpen) await popup.close()
      const current = isOpen ? popup : await browser.openPopup(page)
      await expect.poll(async () => (await countCommits(browser)) - commits, { timeout: 60_000 }).toBe(1)
      await expect(statusOf(current)).toHaveText(/^Saved example\.test/)
      expect(await waitingIn(current)).toBe(0)
      expect((await countCommits(browser)) - commits).toBe(1)
      expect(await savedRound(browser, site)).toBe(String(round))
      commits++
      await Promise.all([page.close(), current.close()])
    })
  }
  expect((await (await openComputerVault(browser)).verify()).defects).toEqual([])
})

/** Stops the extension's background as the browser does when it wants the memory. */
async function stopBackground(page: Page): Promise<void> {
  const session = await browser.context.newCDPSession(page)
  await session.send("ServiceWorker.enable")
  await session.send("ServiceWorker.stopAllWorkers")
  await session.detach()
}
