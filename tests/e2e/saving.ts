import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { expect, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { defaultKinds } from "../../shared/report.js"
import { permissionPatterns, siteOf } from "../../shared/site.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault, type Vault } from "../../shared/vault.js"
import type { SaveIntent } from "../../extension/save-state.js"
import type { TestBrowser } from "./browser.js"

/** The vault as the computer beside the browser opens it, once the person trusts it. */
export async function openComputerVault(browser: TestBrowser): Promise<Vault> {
  const offers = path.join(browser.home, "offers")
  const [offer = ""] = await readdir(offers)
  const owner = (await readFile(path.join(offers, offer), "utf8")).trim()
  const vault = await openVault(createFsProvider(path.join(browser.home, "vault")), {
    identity: browser.computer,
    owner,
  })
  await vault.refresh()
  return vault
}

export async function openSaved(browser: TestBrowser, site: string): Promise<Snapshot> {
  const snapshot = await (await openComputerVault(browser)).load(site)
  if (snapshot === null) throw new Error("Nothing was saved")
  return snapshot
}

/** Until the computer owns the vault too: a save that comes before is sealed once more then, and counts as two objects. */
export async function trustComputer(popup: Page): Promise<void> {
  const trust = popup.getByRole("button", { name: "Trust this computer" })
  await trust.click()
  await expect(trust).toBeHidden()
}

/** A save as the popup posts it, for what its form would offer only now and then. */
export async function saveFromPopup(browser: TestBrowser, page: Page, over: Partial<SaveIntent> = {}): Promise<Page> {
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  const site = siteOf(page.url()) ?? ""
  const intent: SaveIntent = {
    id: crypto.randomUUID(),
    tabId: await browser.tabIdOf(page),
    site,
    alsoSites: [],
    account: "default",
    kinds: [...defaultKinds],
    withoutOrigins: [],
    openFirst: [],
    ...over,
  }
  const origins = [site, ...intent.alsoSites].flatMap(permissionPatterns)
  await popup.evaluate(
    async ([wanted, patterns]) => {
      const posted = chrome.runtime.sendMessage({ type: "save", intent: wanted })
      const granted = await chrome.permissions.request({ origins: patterns })
      await posted
      await chrome.runtime.sendMessage({ type: "permission", granted })
    },
    [intent, origins] as const,
  )
  await expect(popup.getByRole("status")).toHaveText(/^Saved/, { timeout: 60_000 })
  return popup
}
