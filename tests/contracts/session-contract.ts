import { expect, test } from "@playwright/test"
import type { Adapter } from "../../shared/adapters/adapter.js"
import { createIdentity } from "../../shared/keys.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import type { Provider } from "../../shared/provider.js"
import type { Snapshot, StorageItem } from "../../shared/snapshot.js"
import { openVault, type Vault } from "../../shared/vault.js"
import type { Site } from "../site/site.js"
import { cookie, sessionOf, type OpenTarget, type Tab } from "./adapter-contract.js"

export interface SessionContract<Target> {
  adapter: Adapter<Target>
  site: () => Site
  opened: () => OpenTarget<Target>
  visit: (path: string) => Promise<Tab>
  /** An expression that makes databases. */
  fillDatabases: string
}

/** What every adapter's `open` promises; within the suite of adapters. */
export function testSessions<Target>({ adapter, site, opened, visit, fillDatabases }: SessionContract<Target>): void {
  const cookieOf = (snapshot: Snapshot | null | undefined, name: string) =>
    snapshot?.cookies?.find((one) => one.name === name)

  test("saves nothing when a visit changed nothing, whatever the browser shows in another way", async () => {
    const { vault, names } = await vaultOf(await fullSession(adapter, opened(), site(), fillDatabases))
    const session = await adapter.open(vault, "fern.test")
    const { target } = opened()
    expect((await session.restore(target)).gaps.map(({ what }) => what)).toContain('cookie "huge"')
    const before = await names()
    expect(await session.save(target)).toMatchObject({ saved: false, changes: [], refused: [] })
    const tab = await visit("/blank")
    expect(await session.save(target)).toMatchObject({ saved: false, changes: [], refused: [] })
    // Elsewhere at the site, where nothing is kept, and with a second tab.
    await tab.goto(`http://fern.test:${site().port}/blank`)
    await visit("/blank?second")
    expect(await session.save(target)).toMatchObject({ saved: false, changes: [], refused: [] })
    expect(await names()).toEqual(before)
  })

  test("saves what a visit changed, by name, and everything else stays as it was", async () => {
    const snapshot = await fullSession(adapter, opened(), site(), fillDatabases)
    const { vault, names } = await vaultOf(snapshot)
    const session = await adapter.open(vault, "fern.test")
    const { target } = opened()
    await session.restore(target)
    const tab = await visit("/blank")
    const before = await names()
    // Chromium does not wait for a cookie that a page writes; what the page reads afterwards is there for all.
    await tab.evaluate(`document.cookie = "sid=canary; path=/"; localStorage.setItem("token", "canary");
      localStorage.removeItem("gone"); sessionStorage.setItem("tab", "canary"); document.cookie.length`)
    const report = await session.save(target)
    expect(report).toMatchObject({ saved: true, refused: [] })
    const at = { where: site().origin, count: 1 }
    expect(new Set(report.changes)).toEqual(
      new Set([
        { kind: "cookies", where: "app.fern.test", what: 'cookie "sid"', change: "changed", count: 1 },
        { kind: "localStorage", ...at, what: 'key "token"', change: "changed" },
        { kind: "localStorage", ...at, what: 'key "gone"', change: "removed" },
        { kind: "sessionStorage", ...at, what: 'key "tab"', change: "changed" },
      ]),
    )
    expect(JSON.stringify(report)).not.toContain("canary")
    expect(await names()).toHaveLength(before.length + 1)

    const changed = (items: StorageItem[] = []) =>
      items
        .filter(([key]) => key !== "gone")
        .map(([key, value]) => [key, key === "token" || key === "tab" ? "canary" : value])
    const wanted = {
      cookies: new Set(snapshot.cookies?.map((one) => (one.name === "sid" ? { ...one, value: "canary" } : one))),
      local: new Set(changed(snapshot.origins?.[0]?.localStorage)),
      databases: snapshot.origins?.[0]?.indexedDB,
      context: snapshot.context,
      tabs: snapshot.tabs?.map(({ id, url }) => [id, url]),
      tab: changed(snapshot.tabs?.[0]?.sessionStorage[0]?.items),
      other: snapshot.tabs?.[1]?.sessionStorage[0]?.items,
    }
    for (const found of [session.snapshot, await vault.load("fern.test")]) {
      expect({
        cookies: new Set(found?.cookies),
        local: new Set(found?.origins?.[0]?.localStorage),
        databases: found?.origins?.[0]?.indexedDB,
        context: found?.context,
        tabs: found?.tabs?.map(({ id, url }) => [id, url]),
        tab: found?.tabs?.[0]?.sessionStorage[0]?.items,
        other: found?.tabs?.[1]?.sessionStorage[0]?.items,
      }).toEqual(wanted)
    }
    expect(await session.save(target)).toMatchObject({ saved: false, changes: [] })
    expect(await names()).toHaveLength(before.length + 1)
  })

  test("does not save a target from which the login has gone, unless it is forced to", async () => {
    const { vault, names } = await vaultOf(
      sessionOf(site().origin, { cookies: [cookie()], local: [["theme", "dark"]] }),
    )
    const session = await adapter.open(vault, "fern.test")
    const { target } = opened()
    await session.restore(target)
    const tab = await visit("/blank")
    const before = await names()
    await tab.evaluate(
      `document.cookie = "sid=; path=/; max-age=0"; localStorage.setItem("theme", "light"); document.cookie.length`,
    )
    await expect(session.save(target)).rejects.toMatchObject({ code: "logged-out" })
    expect(await names()).toEqual(before)
    expect(cookieOf(await vault.load("fern.test"), "sid")?.value).toBe("abc")
    const forced = await session.save(target, { force: true })
    expect(forced.changes.map(({ change }) => change).sort()).toEqual(["changed", "removed"])
    expect((await vault.load("fern.test"))?.cookies).toEqual([])
  })

  test("refuses to save a target that the session was not restored into", async () => {
    const { vault } = await vaultOf(sessionOf(site().origin, { cookies: [cookie()] }))
    const session = await adapter.open(vault, "fern.test")
    await expect(session.save(opened().target)).rejects.toMatchObject({ code: "usage" })
    await expect(adapter.open(vault, "other.test")).rejects.toMatchObject({ code: "not-found" })
  })
}

async function vaultOf(snapshot: Snapshot): Promise<{ vault: Vault; names: () => Promise<string[]> }> {
  const provider: Provider = createMemoryProvider()
  const vault = await openVault(provider, { identity: await createIdentity("owner") })
  await vault.save(snapshot)
  const names = async () => {
    const found: string[] = []
    // What is done with a session is left beside it, in the access history.
    for await (const { name } of provider.list(`${vault.id}/sessions/`)) found.push(name)
    return found
  }
  return { vault, names }
}

/** With what browsers cut, round, cannot take, or show only where a tab is. */
async function fullSession<Target>(
  adapter: Adapter<Target>,
  opened: OpenTarget<Target>,
  { origin }: Site,
  fillDatabases: string,
): Promise<Snapshot> {
  const home = await opened.newTab()
  await home.goto(`${origin}/blank`)
  await home.evaluate(fillDatabases)
  const captured = await adapter.capture(opened.target, { site: "fern.test" })
  await home.goto("about:blank")
  const soon = (Math.ceil(Date.now() / hour) + 5) * hour
  const cookies = [
    cookie(),
    cookie({ name: "lax", sameSite: "lax", expiresAt: soon - 0.4 }),
    cookie({ name: "edge", expiresAt: soon + 0.4, path: "/blank" }),
    cookie({ name: "wide", domain: "fern.test", hostOnly: false, expiresAt: soon + 3650 * 24 * hour }),
    cookie({ name: "huge", value: "x".repeat(4097) }),
    cookie({ name: "old", expiresAt: Date.now() - 1000 }),
    cookie({
      name: "chips",
      secure: true,
      sameSite: "none",
      partition: { topLevelSite: "https://shop.test", hasCrossSiteAncestor: true },
    }),
  ]
  const tabs = ["one", "two"].map((id) => {
    const items: StorageItem[] = [
      ["tab", id],
      ["both", "1"],
    ]
    return { id, url: `${origin}/home?${id}`, sessionStorage: [{ origin, partition: null, items }] }
  })
  const [state] = captured.origins ?? []
  const localStorage: StorageItem[] = [
    ["token", "1"],
    ["gone", "1"],
    ["length", "2"],
  ]
  const closed = { origin: origin.replace("app.", "closed."), partition: null, localStorage }
  const below = {
    origin,
    partition: { topLevelSite: "http://shop.test", hasCrossSiteAncestor: true },
    localStorage,
  }
  const context = captured.context && { ...captured.context, timezone: "Pacific/Apia", userAgent: "another" }
  return {
    ...captured,
    cookies: cookies.sort((a, b) => b.path.length - a.path.length),
    origins: [{ ...state, origin, partition: null, localStorage, serviceWorkers: { scopes: 2 } }, closed, below],
    tabs,
    ...(context && { context }),
  }
}

const hour = 60 * 60 * 1000
