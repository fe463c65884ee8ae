import { browser } from "wxt/browser"
import { defaultAccount } from "../shared/site.js"
import type { Snapshot } from "../shared/snapshot.js"
import { readKept, writeKept } from "./db.js"
import { i18n } from "./i18n.js"
import type { CookieStore } from "./stores.js"

/**
 * Which account a cookie store is logged in to: the person said so with their last save from it. Containers and private
 * windows are stores, so that two logins at one site do not take each other's place.
 */
type ByStore = Record<string, string>

const key = "accounts"
const hiddenKey = "private accounts"

/** The account of each store that was saved from at a site. */
export async function rememberedAccounts(site: string): Promise<ByStore> {
  return (await readAll())[site] ?? {}
}

/**
 * The account to propose: the one this store was saved under, else one named after the container or private window, else a
 * name that no other store uses: a session that is known, but not from where, may be that of a private window.
 *
 * @param hidden accounts that private windows were saved under; never proposed to another store
 */
export function accountFor({ id, name, isPrivate }: CookieStore, remembered: ByStore, hidden: string[]): string {
  if (isPrivate) return i18n.t("privateWindow")
  const before = remembered[id]
  if (before !== undefined && !hidden.includes(before)) return before
  const others = Object.entries(remembered).flatMap(([store, account]) => (store === id ? [] : [account]))
  return freeName(name ?? defaultAccount, [...others, ...hidden, i18n.t("privateWindow")])
}

function freeName(wanted: string, taken: string[]): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted} ${String(number)}`
    if (!taken.includes(name)) return name
  }
}

/**
 * Accounts whose last save came from a private window. Known in memory only, as long as the browser runs: nothing is
 * written down of a private window but what the person saved.
 */
export async function hiddenAccounts(site: string): Promise<string[]> {
  return (await readHidden())[site] ?? []
}

export async function rememberAccount({ sites: [site], account, capturedBy: { store } }: Snapshot): Promise<void> {
  if (store === undefined) return
  await noteHidden(site, account, store.isPrivate)
  if (store.isPrivate) return
  await noteAccount(site, store.id, account)
}

/** From now on that store is proposed to be saved under the account. */
export async function noteAccount(site: string, storeId: string, account: string): Promise<void> {
  const all = await readAll()
  if (all[site]?.[storeId] === account) return
  await writeKept(key, JSON.stringify({ ...all, [site]: { ...all[site], [storeId]: account } }))
}

export async function forgetAccount(site: string, account: string): Promise<void> {
  await noteHidden(site, account, false)
  const { [site]: stores = {}, ...others } = await readAll()
  const left = Object.entries(stores).filter(([, used]) => used !== account)
  await writeKept(key, JSON.stringify(left.length === 0 ? others : { ...others, [site]: Object.fromEntries(left) }))
}

async function noteHidden(site: string, account: string, isHidden: boolean): Promise<void> {
  const all = await readHidden()
  const { [site]: own = [], ...others } = all
  if (own.includes(account) === isHidden) return
  const left = isHidden ? [...own, account] : own.filter((other) => other !== account)
  await browser.storage.session.set({ [hiddenKey]: left.length === 0 ? others : { ...others, [site]: left } })
}

async function readHidden(): Promise<Partial<Record<string, string[]>>> {
  return (
    ((await browser.storage.session.get(hiddenKey))[hiddenKey] as Partial<Record<string, string[]>> | undefined) ?? {}
  )
}

async function readAll(): Promise<Partial<Record<string, ByStore>>> {
  const text = await readKept(key)
  return text === null ? {} : (JSON.parse(text) as Partial<Record<string, ByStore>>)
}
