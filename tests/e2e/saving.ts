import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { expect, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import type { Identity } from "../../shared/keys.js"
import { defaultKinds } from "../../shared/report.js"
import { defaultAccount } from "../../shared/site.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault, type Vault } from "../../shared/vault.js"
import type { SaveIntent } from "../../extension/save-state.js"

interface TestHome {
  home: string
  computer: Identity
}

/** The card of the owner that the computer was offered. */
export async function ownerOffered({ home }: Pick<TestHome, "home">): Promise<string> {
  const offers = path.join(home, "offers")
  const [offer = ""] = await readdir(offers)
  return (await readFile(path.join(offers, offer), "utf8")).trim()
}

/** The vault as the computer beside the browser opens it, once the person trusts it; at another time than now, if need be. */
export async function openComputerVault(browser: TestHome, now: () => number = Date.now): Promise<Vault> {
  const owner = await ownerOffered(browser)
  const vault = await openVault(createFsProvider(path.join(browser.home, "vault")), {
    identity: browser.computer,
    owner,
    now,
  })
  await vault.refresh()
  return vault
}

export async function openSaved(browser: TestHome, site: string, account = defaultAccount): Promise<Snapshot> {
  const snapshot = await (await openComputerVault(browser)).load(site, { account })
  if (snapshot === null) throw new Error("Nothing was saved")
  return snapshot
}

/** Until the computer owns the vault too: a save that comes before is sealed once more then, and counts as two objects. */
export async function trustComputer(popup: Page): Promise<void> {
  const trust = popup.getByRole("button", { name: "Trust this computer" })
  await trust.click()
  await expect(trust).toBeHidden()
}

/** A save as the popup posts it, for what its form would offer only now and then. The permissions were given before. */
export async function saveFromPopup(
  popup: { evaluate(expression: string): Promise<unknown> },
  site: string,
  over: Partial<SaveIntent> = {},
): Promise<void> {
  const intent: SaveIntent = {
    id: crypto.randomUUID(),
    tabId: Number(await popup.evaluate(`new URLSearchParams(location.search).get("tab")`)),
    site,
    alsoSites: [],
    account: "default",
    kinds: [...defaultKinds],
    withoutOrigins: [],
    openFirst: [],
    ...over,
  }
  await popup.evaluate(`void chrome.runtime.sendMessage(${JSON.stringify({ type: "save", intent })})`)
  const status = () => popup.evaluate(`document.querySelector("[role=status]")?.textContent ?? ""`)
  await expect.poll(status, { timeout: 60_000 }).toMatch(/^Saved|^Not saved/)
  expect(await status()).toMatch(/^Saved/)
}
