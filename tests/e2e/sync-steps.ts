import { readdir, stat } from "node:fs/promises"
import path from "node:path"
import { expect, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import type { HeldChange, SyncSetting } from "../../extension/sync-settings.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import type { Cookie, Snapshot } from "../../shared/snapshot.js"
import { openVault, type LoadedSession, type PreparedChanges, type Vault } from "../../shared/vault.js"
import { createMemory } from "../shared/vault/devices.js"
import type { TestBrowser } from "./browser.js"
import { openComputerVault, trustComputer } from "./saving.js"

export const syncSwitch = (popup: Page) => popup.getByRole("switch", { name: "Keep in sync" })

/** A person whose login at this page is saved once, and kept in sync from then on. */
export async function keepInSync(
  browser: TestBrowser,
  { url, site, way }: { url: string; site: string; way: "save" | "both" },
): Promise<{ page: Page; popup: Page }> {
  const page = await browser.context.newPage()
  await page.goto(url)
  await browser.allow(`*://*.${site}/*`)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved/)
  await syncSwitch(popup).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  if (way === "both") {
    await popup.getByRole("combobox", { name: "Which way" }).selectOption("both")
    await expect(popup.getByRole("combobox", { name: "Which way" })).toHaveValue("both")
  }
  return { page, popup }
}

/** A page of the extension in any browser. */
interface ExtensionPage {
  evaluate(expression: string): Promise<unknown>
}

/** As the popup's switch does it. */
export async function switchSync(
  popup: ExtensionPage,
  { site, mode, scope }: Pick<SyncSetting, "site" | "mode" | "scope">,
): Promise<void> {
  await popup.evaluate(sending({ type: "sync", site, account: "default", mode, scope }))
}

/** As the alarm does it every minute. */
export async function lookNow(popup: ExtensionPage, site: string, account = "default"): Promise<void> {
  await popup.evaluate(sending({ type: "syncNow", site, account }))
}

/** As the button below what waits for the person does it. */
export async function takeIn(popup: ExtensionPage, site: string, ticks: HeldChange[]): Promise<void> {
  await popup.evaluate(sending({ type: "takeIn", site, account: "default", ticks }))
}

/** How many saves are in the outbox. */
export async function countWaiting(popup: ExtensionPage): Promise<number> {
  return ((await popup.evaluate(sending({ type: "waiting" }))) as unknown[]).length
}

export async function syncStates(popup: ExtensionPage): Promise<SyncSetting[]> {
  return (await popup.evaluate(sending({ type: "syncs" }))) as SyncSetting[]
}

function sending(message: object): string {
  return `(globalThis.browser ?? chrome).runtime.sendMessage(${JSON.stringify(message)}).then((reply) => reply?.answer)`
}

/** A bot on another machine that may save back, over a store of its own choice. */
export async function grantBot(
  { home }: { home: string },
  { owner, name, site, store }: { owner: Vault; name: string; site: string; store?: Provider },
): Promise<Vault> {
  const identity = await createIdentity(name)
  await owner.grant(await createCard(identity), { site, saveBack: true })
  const provider = store ?? createFsProvider(path.join(home, "vault"))
  return openVault(provider, { identity, owner: owner.card.text, memory: createMemory() })
}

export async function loadedBy(vault: Vault, site: string): Promise<LoadedSession> {
  const session = await vault.loadSession(site)
  if (session === null) throw new Error("There is no such session")
  return session
}

/** Seals what a holder of a session changed of its cookies. */
export async function sealCookies(
  vault: Vault,
  session: LoadedSession,
  change: (cookies: Cookie[]) => Cookie[],
): Promise<NonNullable<PreparedChanges["prepared"]>> {
  const snapshot = { ...session.snapshot, cookies: change(session.snapshot.cookies ?? []) }
  const { prepared } = await vault.prepareChanges(snapshot, session.since())
  if (prepared === null) throw new Error("Nothing changed")
  return prepared
}

/** Gives cookies other values, by name. */
export const withValues = (values: Record<string, string>) => (cookies: Cookie[]) =>
  cookies.map((cookie) => ({ ...cookie, value: values[cookie.name] ?? cookie.value }))

export const valuesIn = (snapshot: Snapshot | null) =>
  Object.fromEntries((snapshot?.cookies ?? []).map(({ name, value }) => [name, value]))

export async function valuesSaved(browser: TestBrowser, site: string): Promise<Record<string, string>> {
  return valuesIn(await (await openComputerVault(browser)).load(site))
}

export async function valuesHere({ context }: TestBrowser): Promise<Record<string, string>> {
  return Object.fromEntries((await context.cookies()).map(({ name, value }) => [name, value]))
}

/** The size of each object of any session in the store. */
export async function sizesStored({ home }: { home: string }): Promise<number[]> {
  const folder = path.join(home, "vault")
  const names = await readdir(folder, { recursive: true })
  const own = names.filter((name) => name.includes("/sessions/") && name.endsWith(".psp"))
  return Promise.all(own.map(async (name) => (await stat(path.join(folder, name))).size))
}
