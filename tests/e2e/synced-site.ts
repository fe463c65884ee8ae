import path from "node:path"
import { expect, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault, type LoadedSession, type Vault } from "../../shared/vault.js"
import type { TestBrowser } from "./browser.js"
import { openComputerVault, trustComputer } from "./saving.js"

export const syncedSite = "rotating.test"

export const syncSwitch = (popup: Page) => popup.getByRole("switch", { name: "Keep in sync" })

/** A person who is logged in there, trusts the computer and saved once. */
export async function saveOnce(browser: TestBrowser, loginUrl: string): Promise<{ page: Page; popup: Page }> {
  const page = await browser.context.newPage()
  await page.goto(loginUrl)
  await browser.allow(`*://*.${syncedSite}/*`)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved/)
  return { page, popup }
}

/** As `saveOnce`, and then switched sync on. */
export async function keepInSync(
  browser: TestBrowser,
  loginUrl: string,
  way: "save changes" | "both ways",
): Promise<{ page: Page; popup: Page }> {
  const opened = await saveOnce(browser, loginUrl)
  const { popup } = opened
  await syncSwitch(popup).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  if (way === "both ways") {
    await popup.getByRole("combobox", { name: "Which way" }).selectOption("both")
    await expect(popup.getByRole("combobox", { name: "Which way" })).toHaveValue("both")
  }
  return opened
}

/** A bot on another machine that may save back, and what it opened. */
export async function grantBot(browser: TestBrowser): Promise<{ vault: Vault; session: LoadedSession }> {
  const owner = await openComputerVault(browser)
  const identity = await createIdentity("ci-1")
  await owner.grant(await createCard(identity), { site: syncedSite, saveBack: true })
  const folder = path.join(browser.home, "vault")
  const vault = await openVault(createFsProvider(folder), { identity, owner: owner.card.text })
  const session = await vault.loadSession(syncedSite)
  if (session === null) throw new Error("The bot opens nothing")
  return { vault, session }
}

/** What the bot comes away with is saved back. */
export async function saveBack({ vault, session }: { vault: Vault; session: LoadedSession }, snapshot: Snapshot) {
  const { prepared } = await vault.prepareChanges(snapshot, session.since())
  if (prepared === null) throw new Error("Nothing changed")
  await vault.commit(prepared)
}
