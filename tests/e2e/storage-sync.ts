import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import path from "node:path"
import { expect, type Page } from "@playwright/test"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Cookie, OriginState, Snapshot, StorageItem } from "../../shared/snapshot.js"
import { openVault } from "../../shared/vault.js"
import type { TestBrowser } from "./browser.js"
import { openComputerVault, trustComputer } from "./saving.js"

export const siteName = "storage.test"

/** A site whose pages show in their title which token they found when they loaded. */
export async function startStorageSite() {
  const page = `<!doctype html><link rel="icon" href="data:,"><title>-</title>
<script>document.title = "loaded with " + localStorage.getItem("token")</script>`
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html")
    response.setHeader("set-cookie", "visitor=1; Path=/; Max-Age=3600")
    response.end(page)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: (name = "app") => `http://${name}.${siteName}:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** A person with these items in a page's storage, who saved once and keeps it in sync both ways. */
export async function keepStorageInSync(
  browser: TestBrowser,
  origin: string,
  prepare: (page: Page) => Promise<void>,
): Promise<{ page: Page; popup: Page }> {
  const page = await browser.context.newPage()
  await page.goto(origin)
  await prepare(page)
  await browser.allow(`*://*.${siteName}/*`)
  const popup = await browser.openPopup(page)
  await trustComputer(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  await expect(popup.getByRole("status")).toHaveText(/^Saved/)
  await popup.getByRole("switch", { name: "Keep in sync" }).click()
  await expect(popup.getByText(/^In sync/)).toBeVisible()
  await popup.getByRole("combobox", { name: "Which way" }).selectOption("both")
  await expect(popup.getByRole("combobox", { name: "Which way" })).toHaveValue("both")
  return { page, popup }
}

export interface Bot {
  /** Saves back what it makes of the origins as they are in the vault now. */
  save(
    change: (origins: OriginState[]) => OriginState[],
    changeCookies?: (cookies: Cookie[]) => Cookie[],
  ): Promise<void>
  /** Of an origin, as the vault has it now. */
  items(origin: string): Promise<StorageItem[]>
}

/** A bot on another machine that may save back. */
export async function grantStorageBot(browser: Pick<TestBrowser, "home" | "computer">): Promise<Bot> {
  const owner = await openComputerVault(browser)
  const identity = await createIdentity("ci-1")
  await owner.grant(await createCard(identity), { site: siteName, saveBack: true })
  const vault = await openVault(createFsProvider(path.join(browser.home, "vault")), {
    identity,
    owner: owner.card.text,
  })
  const load = async () => {
    const session = await vault.loadSession(siteName)
    if (session === null) throw new Error("The bot opens nothing")
    return session
  }
  return {
    async save(change, changeCookies = (cookies) => cookies) {
      const session = await load()
      const { origins = [], cookies = [] } = session.snapshot
      const snapshot: Snapshot = { ...session.snapshot, origins: change(origins), cookies: changeCookies(cookies) }
      const { prepared } = await vault.prepareChanges(snapshot, session.since())
      if (prepared === null) throw new Error("Nothing changed")
      await vault.commit(prepared)
    },
    async items(origin) {
      const { snapshot } = await load()
      return snapshot.origins?.find((one) => one.origin === origin)?.localStorage ?? []
    },
  }
}

/** A login in the records of the one database, and another database of the same shape. */
export function withRecord(origins: OriginState[]): OriginState[] {
  return origins.map((state) => {
    const [app] = state.indexedDB ?? []
    if (app === undefined) return state
    const text = JSON.stringify([app]).replaceAll("first", "second")
    const changed = JSON.parse(text) as [typeof app]
    return { ...state, indexedDB: [...changed, { ...app, name: "planted" }] }
  })
}

/** Sets items of one origin, or with null takes them away. */
export function withItems(origin: string, items: Record<string, string | null>) {
  return (origins: OriginState[]): OriginState[] => {
    const known = origins.find((one) => one.origin === origin) ?? { origin, partition: null, localStorage: [] }
    const kept = (known.localStorage ?? []).filter(([key]) => !Object.hasOwn(items, key))
    const set = Object.entries(items).flatMap(([key, value]): StorageItem[] => (value === null ? [] : [[key, value]]))
    return [...origins.filter((one) => one !== known), { ...known, localStorage: [...kept, ...set] }]
  }
}

/** As the alarm does it every minute; ends when it has looked. */
export async function lookNow(popup: Page): Promise<void> {
  await popup.evaluate((message) => chrome.runtime.sendMessage(message), {
    type: "syncNow",
    site: siteName,
    account: "default",
  })
}

export const itemIn = (page: Page, key: string) => page.evaluate((name) => localStorage.getItem(name), key)
export const setItem = (page: Page, key: string, value: string) =>
  page.evaluate((item) => localStorage.setItem(...item), [key, value] as [string, string])

/** A database with one record, `refresh` of `tokens`. Runs in a page. */
export function makeDatabase(): Promise<void> {
  return new Promise((resolve) => {
    const asked = indexedDB.open("app", 3)
    asked.onupgradeneeded = () => {
      const store = asked.result.createObjectStore("tokens", { keyPath: "name" })
      store.createIndex("by time", "at")
      store.put({ name: "refresh", token: "first", at: new Date(0) })
    }
    asked.onsuccess = () => {
      asked.result.close()
      resolve()
    }
  })
}

/** Of that record. Runs in a page. */
export function readRecord(): Promise<unknown> {
  return new Promise((resolve) => {
    const asked = indexedDB.open("app")
    asked.onsuccess = () => {
      const found = asked.result.transaction("tokens").objectStore("tokens").get("refresh") as IDBRequest<{
        token: string
      }>
      found.onsuccess = () => {
        asked.result.close()
        resolve(found.result.token)
      }
    }
  })
}
