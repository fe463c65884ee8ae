import "fake-indexeddb/auto"
import { IDBFactory } from "fake-indexeddb"
import { beforeEach, expect, it, vi } from "vitest"
import { fakeBrowser } from "wxt/testing"
import type * as Accounts from "../../extension/accounts.js"
import type { CookieStore } from "../../extension/stores.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

vi.mock("wxt/browser", async () => ({ browser: (await import("wxt/testing")).fakeBrowser }))
vi.mock("../../extension/i18n.js", () => ({ i18n: { t: (key: string) => key } }))

let accounts: typeof Accounts

beforeEach(async () => {
  fakeBrowser.reset()
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.resetModules()
  accounts = await import("../../extension/accounts.js")
})

const plain: CookieStore = { id: "firefox-default", name: null, isPrivate: false }
const work: CookieStore = { id: "firefox-container-2", name: "Work", isPrivate: false }
const hidden: CookieStore = { id: "firefox-private", name: null, isPrivate: true }

function savedFrom(store: CookieStore, account: string): Snapshot {
  const snapshot = exampleSnapshot("example.com")
  return { ...snapshot, account, capturedBy: { ...snapshot.capturedBy, store } }
}

it("a container's account is named after it, a private window's after what it is, and else it is default", () => {
  expect(accounts.accountFor(work, {}, [])).toBe("Work")
  expect(accounts.accountFor(hidden, {}, [])).toBe("privateWindow")
  expect(accounts.accountFor(plain, {}, [])).toBe("default")
})

it("the account of a store is the one that was saved from it last", async () => {
  await accounts.rememberAccount(savedFrom(work, "ann@work"))
  await accounts.rememberAccount(savedFrom(plain, "ann"))
  await accounts.rememberAccount(savedFrom(plain, "bea"))
  const remembered = await accounts.rememberedAccounts("example.com")
  expect(accounts.accountFor(work, remembered, [])).toBe("ann@work")
  expect(accounts.accountFor(plain, remembered, [])).toBe("bea")
  expect(await accounts.rememberedAccounts("other.com")).toEqual({})
})

it("an account of one store is not proposed to another, which would replace it", async () => {
  await accounts.rememberAccount(savedFrom(work, "ann@work"))
  const remembered = await accounts.rememberedAccounts("example.com")
  expect(accounts.accountFor(plain, remembered, [])).toBe("default")
  expect(accounts.accountFor({ ...work, id: "firefox-container-3" }, { ...remembered, other: "Work" }, [])).toBe(
    "Work 2",
  )
})

it("what a private window was saved under is proposed to no other store, as long as the browser runs", async () => {
  expect(accounts.accountFor({ ...work, name: "privateWindow" }, {}, [])).toBe("privateWindow 2")
  await accounts.rememberAccount(savedFrom(plain, "default"))
  await accounts.rememberAccount(savedFrom(hidden, "default"))
  const proposed = async () =>
    accounts.accountFor(
      plain,
      await accounts.rememberedAccounts("example.com"),
      await accounts.hiddenAccounts("example.com"),
    )
  expect(await proposed()).toBe("default 2")
  // The person saves the normal window under that name after all: it is its own from then on.
  await accounts.rememberAccount(savedFrom(plain, "default"))
  expect(await proposed()).toBe("default")
  await accounts.rememberAccount(savedFrom(hidden, "secret"))
  await accounts.forgetAccount("example.com", "secret")
  expect(await accounts.hiddenAccounts("example.com")).toEqual([])
})

it("a private window leaves no note, and what is forgotten is not proposed again", async () => {
  await accounts.rememberAccount(savedFrom(hidden, "secret"))
  expect(await accounts.rememberedAccounts("example.com")).toEqual({})
  await accounts.rememberAccount(savedFrom(work, "ann@work"))
  await accounts.rememberAccount(savedFrom(plain, "bea"))
  await accounts.forgetAccount("example.com", "ann@work")
  expect(await accounts.rememberedAccounts("example.com")).toEqual({ "firefox-default": "bea" })
  await accounts.forgetAccount("example.com", "bea")
  expect(await accounts.rememberedAccounts("example.com")).toEqual({})
})
