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

/** The account of each store that was saved from at a site. */
export async function rememberedAccounts(site: string): Promise<ByStore> {
  return (await readAll())[site] ?? {}
}

/** The account to propose: the one this store was saved under, else one named after the container or private window. */
export function accountFor({ id, name, isPrivate }: CookieStore, remembered: ByStore, known: string[]): string {
  const before = remembered[id]
  if (before !== undefined) return before
  if (isPrivate) return i18n.t("privateWindow")
  if (name !== null) return name
  // A session of another store must not be replaced by this one's.
  const others = Object.values(remembered)
  return known.find((account) => !others.includes(account)) ?? defaultAccount
}

/** Nothing is written down of a private window but what the person saved. */
export async function rememberAccount({ sites: [site], account, capturedBy: { store } }: Snapshot): Promise<void> {
  if (store === undefined || store.isPrivate) return
  const all = await readAll()
  if (all[site]?.[store.id] === account) return
  await writeKept(key, JSON.stringify({ ...all, [site]: { ...all[site], [store.id]: account } }))
}

export async function forgetAccount(site: string, account: string): Promise<void> {
  const { [site]: stores = {}, ...others } = await readAll()
  const left = Object.entries(stores).filter(([, used]) => used !== account)
  await writeKept(key, JSON.stringify(left.length === 0 ? others : { ...others, [site]: Object.fromEntries(left) }))
}

async function readAll(): Promise<Partial<Record<string, ByStore>>> {
  const text = await readKept(key)
  return text === null ? {} : (JSON.parse(text) as Partial<Record<string, ByStore>>)
}
