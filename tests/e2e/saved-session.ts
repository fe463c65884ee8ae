import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { expect, type Locator, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import type { IndexedDatabase, OriginState, Snapshot } from "../../shared/snapshot.js"
import { createStructuredCodec } from "../../shared/structured.js"
import { openVault } from "../../shared/vault.js"
import type { TestBrowser } from "./browser.js"

export const saveButton = (popup: Page): Locator => popup.getByRole("button", { name: "Save session" })
export const statusOf = (popup: Page): Locator => popup.getByRole("status")

/** The popup of a page that may be read, beside a computer that is trusted: one click from a save. */
export async function openTrusting(browser: TestBrowser, page: Page): Promise<Page> {
  await browser.allow("*://*.example.test/*")
  const popup = await browser.openPopup(page)
  await popup.getByRole("button", { name: "Trust this computer" }).click()
  await expect(popup.getByRole("button", { name: "Trust this computer" })).toBeHidden()
  return popup
}

/** Saves and gives what the trusted computer opens. */
export async function saveFrom(browser: TestBrowser, page: Page, says: RegExp): Promise<Snapshot> {
  const popup = await openTrusting(browser, page)
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText(says, { timeout: 90_000 })
  await popup.close()
  return loadSaved(browser)
}

export async function loadSaved(browser: TestBrowser): Promise<Snapshot> {
  const offers = path.join(browser.home, "offers")
  const [offer = ""] = await readdir(offers)
  const owner = (await readFile(path.join(offers, offer), "utf8")).trim()
  const store = createFsProvider(path.join(browser.home, "vault"))
  const vault = await openVault(store, { identity: browser.computer, owner })
  const snapshot = await vault.load("example.test")
  if (snapshot === null) throw new Error("Nothing was saved")
  return snapshot
}

/** Names of the sealed sessions in the store. */
export async function storedSessions(browser: TestBrowser): Promise<string[]> {
  const found = await readdir(path.join(browser.home, "vault"), { recursive: true }).catch(() => [])
  return found.filter((name) => name.endsWith(".psp") && name.includes("/sessions/"))
}

export function originIn(snapshot: Snapshot, origin: string): OriginState {
  const found = snapshot.origins?.find((state) => state.origin === origin)
  if (found === undefined) throw new Error("The origin was not saved")
  return found
}

/** Records of one store, as they are in the page: key and value. */
export function recordsIn({ stores }: IndexedDatabase, store: string): [unknown, unknown][] {
  const codec = createStructuredCodec()
  const records = stores.find(({ name }) => name === store)?.records ?? []
  return records.map(({ key, value }) => [codec.decode(key), codec.decode(value)])
}

export function databaseIn(snapshot: Snapshot, origin: string, name: string): IndexedDatabase {
  const found = originIn(snapshot, origin).indexedDB?.find((database) => database.name === name)
  if (found === undefined) throw new Error("The database was not saved")
  return found
}
