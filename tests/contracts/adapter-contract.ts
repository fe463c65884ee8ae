import { expect, test } from "@playwright/test"
import type { Adapter } from "../../shared/adapters/adapter.js"
import { parseSnapshot, type Cookie, type Snapshot, type StorageItem } from "../../shared/snapshot.js"
import { exampleDatabase } from "../shared/example-database.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { startSite, type Site } from "../site/site.js"
import { testSessions } from "./session-contract.js"

export interface AdapterContractOptions<Target> {
  adapter: Adapter<Target>
  /** A clean place of the adapter's tool, without any state; names under `.test` lead to this machine. */
  open: () => Promise<OpenTarget<Target>>
  differences?: AdapterDifferences
  /** Things that people pass by mistake. */
  wrongTargets: Record<string, () => unknown>
}

/** What the browser, or the protocol to it, is known not to do. */
export interface AdapterDifferences {
  /** A cookie without a name is refused by the protocol (BiDi in Firefox 153), and named in the report. */
  refusesNamelessCookies?: boolean
  /** A cookie that is not ASCII is refused: over BiDi Firefox 153 encodes it twice, and its site would get another value. */
  refusesForeignCookies?: boolean
  /** A service worker answers before the blank page can, and may ask its site (Firefox 153). */
  isAnsweredByWorkers?: boolean
  /** A partition is its top-level site alone (Firefox). */
  ignoresAncestors?: boolean
  /**
   * Keys of localStorage are kept as UTF-8 (Firefox 153): a lone surrogate becomes U+FFFD as soon as the process that wrote it
   * has ended. Values and sessionStorage keep it.
   */
  losesSurrogatesOfKeys?: boolean
}

/** What the suite does with a target, beside the adapter. */
export interface OpenTarget<Target> {
  target: Target
  newTab(): Promise<Tab>
  tabCount(): number | Promise<number>
  close(): Promise<void>
}

export interface Tab {
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  /** In the page's own world; the value is JSON. */
  evaluate<T>(expression: string): Promise<T>
}

/** What every adapter promises (see shared/adapters/adapter.ts); differences are options. */
export function describeAdapter<Target>(title: string, options: AdapterContractOptions<Target>): void {
  const { adapter, open, wrongTargets, differences = {} } = options
  test.describe(title, () => {
    let site: Site
    let opened: OpenTarget<Target>
    const session = (parts: Parts) => sessionOf(site.origin, parts)
    const restore = (parts: Parts) => adapter.restore(opened.target, session(parts))
    const visit = async (path: string) => {
      const tab = await opened.newTab()
      await tab.goto(`${site.origin}${path}`)
      return tab
    }
    /** "" while the tab is on its way to another page. */
    const greeting = (tab: Tab) => tab.evaluate<string>(greetingText).catch(() => "")
    const capturedLogin = async (name: string) => {
      const home = await open()
      const tab = await home.newTab()
      await tab.goto(`${site.origin}/login`)
      await tab.evaluate(fillForm(name))
      await expect.poll(() => greeting(tab)).toBe(`Good to see you, ${name}`)
      const snapshot = await adapter.capture(home.target, { site: "fern.test" })
      await home.close()
      return parseSnapshot(JSON.stringify(snapshot))
    }

    test.beforeAll(async () => {
      site = await startSite({ hostname: "app.fern.test" })
    })
    test.afterAll(() => site.close())
    test.beforeEach(async () => {
      opened = await open()
      site.requests.length = 0
    })
    test.afterEach(() => opened.close())

    test("captures a login and restores it so that the site greets by name", async () => {
      const snapshot = await capturedLogin("Ada Lovelace")
      const captured = { cookies: 1, localStorage: 1, sessionStorage: 1, indexedDB: 0, context: 1 }
      expect(snapshot.report).toEqual({ captured, gaps: [] })
      expect(await adapter.restore(opened.target, snapshot)).toEqual({ ok: true, set: captured, gaps: [] })
      const tab = await visit("/")
      await expect.poll(() => greeting(tab)).toBe("Good to see you, Ada Lovelace")
    })

    test("says whether one is logged in, in a page that closes again, and the next tab still is", async () => {
      const snapshot = await capturedLogin("Ada")
      const check = { url: `${site.origin}/`, text: "Two books are waiting", selector: "#logout" }
      const before = await opened.tabCount()
      const report = await adapter.restore(opened.target, { ...snapshot, check }, { check: true })
      const why = "what is told of being logged in is there"
      expect(report).toMatchObject({ ok: true, gaps: [], check: { result: "logged-in", why } })
      await expect.poll(() => opened.tabCount()).toBe(before)
      const tab = await visit("/")
      await expect.poll(() => greeting(tab)).toBe("Good to see you, Ada")
    })

    test("says that a session that ended at the site is logged out, and does not call that ok", async () => {
      const snapshot = await capturedLogin("Ada")
      const cookie = snapshot.cookies?.map(({ name, value }) => `${name}=${value}`).join("; ") ?? ""
      await fetch(`http://127.0.0.1:${site.port}/logout`, { method: "POST", headers: { cookie } })
      const check = { url: `${site.origin}/`, text: "Two books are waiting" }
      const report = await adapter.restore(opened.target, { ...snapshot, check }, { check: true })
      const why = "the text of being logged in is missing"
      expect(report).toMatchObject({ ok: false, gaps: [], check: { result: "logged-out", why } })
    })

    test("cannot say whether one is logged in while the site is away, and was told of no page", async () => {
      const away = await startSite({ hostname: "app.fern.test" })
      await away.close()
      const snapshot = sessionOf(site.origin, { cookies: [cookie()], session: [["tab", "2"]] })
      const check = { url: `${away.origin}/`, text: "Two books" }
      const unreachable = await adapter.restore(opened.target, { ...snapshot, check }, { check: true })
      expect(unreachable.check).toEqual({ result: "unclear", why: "the site did not answer" })
      expect(unreachable.ok).toBe(true)
      const untold = await adapter.restore(opened.target, snapshot, { check: true })
      expect(untold.check).toMatchObject({ result: "unclear" })
      const empty = await adapter.restore(opened.target, sessionOf(site.origin, {}), { check: true })
      expect(empty.check).toEqual({ result: "unclear", why: "the session tells no page to look at" })
    })

    for (const [button, how] of [
      ["logout", "a reload"],
      ["replace", "location.replace"],
    ] as const) {
      test(`leaves a person logged out who logs out with ${how}`, async () => {
        await adapter.restore(opened.target, await capturedLogin("Ada"))
        const tab = await visit("/")
        await expect.poll(() => greeting(tab)).toBe("Good to see you, Ada")
        await tab.evaluate(`document.getElementById("${button}").click()`)
        await expect.poll(() => greeting(tab)).toBe("Who is there?")
        expect(await tab.evaluate("sessionStorage.length + localStorage.length")).toBe(0)
      })
    }

    test("has both storages in place before the site's first script", async () => {
      await restore({ local: [["token", "1"]], session: [["tab", "2"]] })
      const seen = await seenBy(await visit("/probe"))
      expect(seen).toMatchObject({ local: [["token", "1"]], session: [["tab", "2"]] })
    })

    test("never seeds again a page that logs out in its first script", async () => {
      await restore({ session: [["tab", "2"]] })
      const tab = await visit("/probe#logout")
      await expect.poll(() => tab.evaluate("location.hash + sessionStorage.length").catch(() => "")).toBe("0")
      await tab.reload()
      expect((await seenBy(tab)).session).toEqual([])
    })

    test("seeds one tab, at its own origin, and no tab that comes later", async () => {
      await restore({ session: [["tab", "2"]] })
      const tab = await opened.newTab()
      await tab.goto(`http://other.test:${site.port}/probe`)
      expect((await seenBy(tab)).session).toEqual([])
      await tab.goto(`${site.origin}/probe`)
      expect((await seenBy(tab)).session).toEqual([["tab", "2"]])
      expect((await seenBy(await visit("/probe"))).session).toEqual([])
      await tab.evaluate("sessionStorage.clear()")
      await tab.reload()
      expect((await seenBy(tab)).session).toEqual([])
    })

    test("reaches the site with no request and leaves no tab", async () => {
      const before = await opened.tabCount()
      await restore({ cookies: [cookie()], local: [["token", "1"]], session: [["tab", "2"]] })
      expect(site.requests).toEqual([])
      expect(await opened.tabCount()).toBe(before)
    })

    test("gives cookies back exactly as they were captured", async () => {
      const cookies = [
        cookie({ name: "host-only" }),
        cookie({ name: "wide", domain: "fern.test", hostOnly: false, expiresAt: inDays(1) }),
        cookie({ name: "strict", sameSite: "strict", httpOnly: true }),
        cookie({ name: "lax", sameSite: "lax", path: "/account" }),
        cookie({ name: "none", sameSite: "none", secure: true }),
        cookie({ name: "__Host-id", secure: true }),
        ...(differences.refusesNamelessCookies === true ? [] : [cookie({ name: "", value: "nameless" })]),
        cookie({ name: "empty", value: "" }),
        cookie({ name: "odd", value: `a="b" c${differences.refusesForeignCookies === true ? "" : ", ü 語"}` }),
      ]
      expect(await restore({ cookies })).toMatchObject({ ok: true, set: { cookies: cookies.length } })
      const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["cookies"] })
      expect(byName(again.cookies)).toEqual(byName(cookies))
    })

    if (differences.refusesNamelessCookies === true) {
      test("names a cookie without a name, which cannot be set", async () => {
        const report = await restore({ cookies: [cookie({ name: "", value: "nameless" }), cookie()] })
        expect(report).toMatchObject({ ok: false, set: { cookies: 1 }, gaps: [{ what: 'cookie ""', count: 1 }] })
      })
    }

    test("a cookie that is not ASCII reaches the site as it is, or is named", async () => {
      const odd = cookie({ name: "odd", value: "ü 語" })
      const report = await restore({ cookies: [odd, cookie()] })
      await visit("/echo")
      const sent = site.requests.find(({ path }) => path === "/echo")?.cookie ?? ""
      const isSent = Buffer.from(sent, "latin1").toString("utf8").includes("odd=ü 語")
      expect([isSent, sent.includes("odd=")]).toEqual(Array(2).fill(differences.refusesForeignCookies !== true))
      expect(report.gaps.map(({ what }) => what)).toEqual(isSent ? [] : ['cookie "odd"'])
    })

    const partitionTitle = differences.ignoresAncestors === true ? "the top-level site" : "both parts"
    test(`keeps ${partitionTitle} of a partition key`, async () => {
      const topLevelSite = "https://shop.test"
      const cookies = [false, true].map((hasCrossSiteAncestor) =>
        cookie({
          name: hasCrossSiteAncestor ? "far" : "near",
          secure: true,
          sameSite: "none",
          partition: { topLevelSite, hasCrossSiteAncestor },
        }),
      )
      expect(await restore({ cookies })).toMatchObject({ ok: true, set: { cookies: 2 } })
      // A top-level site is known to be one while a page of it is open.
      await (await opened.newTab()).goto(`http://shop.test:${site.port}/blank`)
      const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["cookies"] })
      const kept = cookies.map((one) =>
        differences.ignoresAncestors === true
          ? { ...one, partition: { topLevelSite, hasCrossSiteAncestor: null } }
          : one,
      )
      expect(byName(again.cookies)).toEqual(byName(kept))
    })

    test("sets the good cookies beside bad ones, and names each bad one with its reason", async () => {
      const bad = [
        cookie({ name: "control", value: "a\u0001b" }),
        cookie({ name: "loose", sameSite: "none" }),
        cookie({ name: "__Secure-x" }),
        cookie({ name: "__Host-x", secure: true, path: "/deep" }),
        cookie({ name: "", value: "" }),
        cookie({ name: "huge", value: "x".repeat(4097) }),
        cookie({ name: "old", expiresAt: Date.now() - 1000 }),
        cookie({ name: "elsewhere", domain: "a b" }),
        // Only the browser finds out about these, and refuses the whole batch they come in.
        ...[true, false].map((hasCrossSiteAncestor) =>
          cookie({
            name: `nowhere-${hasCrossSiteAncestor}`,
            secure: true,
            partition: { topLevelSite: "no site", hasCrossSiteAncestor },
          }),
        ),
      ]
      const report = await restore({ cookies: [cookie({ name: "a" }), ...bad, cookie({ name: "z" })] })
      const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["cookies"] })
      expect(byName(again.cookies).map(({ name }) => name)).toEqual(["a", "z"])
      expect(report).toMatchObject({ ok: false, set: { cookies: 2 } })
      expect(report.gaps.reduce((sum, { count }) => sum + count, 0)).toBe(bad.length)
      for (const { name } of bad) expect(report.gaps.map(({ what }) => what).join()).toContain(name)
      for (const { kind, why } of report.gaps) expect([kind, why.length > 0]).toEqual(["cookies", true])
    })

    test("keeps a cookie that lives too long as long as the browser allows, and says so", async () => {
      const report = await restore({ cookies: [cookie({ expiresAt: inDays(3650) })] })
      expect(report).toMatchObject({ set: { cookies: 1 }, gaps: [{ kind: "cookies", what: 'cookie "sid"' }] })
    })

    test("puts no cookie to another host than its own", async () => {
      const domains = ["a/b", "user@app.fern.test", "app.fern.test:80", "ü.test"]
      const report = await restore({ cookies: domains.map((domain) => cookie({ domain })) })
      expect(report).toMatchObject({ set: { cookies: 0 } })
      expect(report.gaps.map(({ where }) => where)).toEqual(domains)
      await visit("/echo")
      expect(site.requests.find(({ path }) => path === "/echo")?.cookie).toBe("")
    })

    test("keeps cookies in the order that the browser sends them", async () => {
      await restore({
        cookies: [cookie({ name: "deep", path: "/echo" }), cookie({ name: "first" }), cookie({ name: "second" })],
      })
      await visit("/echo")
      const sent = site.requests.find(({ path }) => path === "/echo")
      expect(sent?.cookie).toBe("deep=abc; first=abc; second=abc")
    })

    /** Items of localStorage, as the browser keeps them. */
    const kept = (items: StorageItem[]) =>
      differences.losesSurrogatesOfKeys === true
        ? items.map(([key, value]): StorageItem => [key.replace(/\p{Surrogate}/gu, "\ufffd"), value])
        : items

    test("gives back keys called length, lone surrogates and empty texts", async () => {
      const report = await restore({ local: oddItems, session: oddItems })
      const changed = oddItems.filter((item) => !kept(oddItems).some(([key]) => key === item[0])).length
      const count = oddItems.length
      const set = { localStorage: count - changed, sessionStorage: count }
      expect(report).toMatchObject({ ok: changed === 0, set })
      expect(report.gaps.map(({ kind }) => kind)).toEqual(changed === 0 ? [] : ["localStorage"])
      await visit("/blank")
      const again = await adapter.capture(opened.target, { site: "fern.test" })
      expect(byKey(again.origins?.[0]?.localStorage)).toEqual(byKey(kept(oddItems)))
      expect(byKey(again.tabs?.[0]?.sessionStorage[0]?.items)).toEqual(byKey(oddItems))
    })

    test("captures what is there, whatever the page did to its builtins", async () => {
      await restore({ local: oddItems })
      const tab = await visit("/blank")
      await tab.evaluate(replaceBuiltins)
      const again = await adapter.capture(opened.target, { site: "fern.test" })
      expect(byKey(again.origins?.[0]?.localStorage)).toEqual(byKey(kept(oddItems)))
    })

    test("names the key that is over the quota, and sets the others", async () => {
      const huge: StorageItem = ["huge", "x".repeat(6_000_000)]
      expect(await restore({ local: [["small", "1"], huge, ["last", "2"]] })).toMatchObject({
        ok: false,
        set: { localStorage: 2 },
        gaps: [{ kind: "localStorage", where: site.origin, what: 'key "huge"' }],
      })
    })

    test("gives databases back with every type, key generator and index, before the site's first script", async () => {
      const home = await open()
      const tab = await home.newTab()
      await tab.goto(`${site.origin}/blank`)
      await tab.evaluate(fillDatabases)
      const before = await tab.evaluate<unknown>(describeDatabases)
      const snapshot = await adapter.capture(home.target, { site: "fern.test", kinds: ["indexedDB"] })
      await home.close()
      expect(snapshot.report).toEqual({ captured: { indexedDB: 4 }, gaps: [] })
      const report = await adapter.restore(opened.target, parseSnapshot(JSON.stringify(snapshot)))
      expect(report).toEqual({ ok: true, set: { indexedDB: 4 }, gaps: [] })
      expect(site.requests.filter(({ path }) => path !== "/blank")).toEqual([])
      const again = await visit("/blank")
      expect(await again.evaluate(describeDatabases)).toEqual(before)
    })

    test("puts partitioned storage below its top-level site, and nowhere else", async () => {
      const partition = { topLevelSite: "http://shop.test", hasCrossSiteAncestor: true }
      const { origin } = site
      const opfs = { files: 3, bytes: 1 }
      const report = await adapter.restore(opened.target, {
        ...session({}),
        origins: [
          { origin, partition, localStorage: [["token", "below"]] },
          { origin, partition: { ...partition, topLevelSite: "null" }, localStorage: [["token", "canary"]] },
          { origin, partition: null, localStorage: [["token", "first"]], opfs },
        ],
      })
      expect(report.gaps.map(({ kind, where, what }) => [kind, where, what])).toEqual([
        ["localStorage", `${origin} below null`, "1 item"],
        ["opfs", origin, "3 private files"],
      ])
      expect(JSON.stringify(report)).not.toContain("canary")
      const tab = await visit("/blank")
      expect(await tab.evaluate("localStorage.getItem('token')")).toBe("first")
      await tab.goto(`http://shop.test:${site.port}/blank`)
      expect(await tab.evaluate(storageBelow(`${origin}/tell`))).toEqual([["token", "below"]])
      await tab.goto(`http://other.test:${site.port}/blank`)
      expect(await tab.evaluate(storageBelow(`${origin}/tell`))).toEqual([])
    })

    test("opens a page for each captured tab, each with its own sessionStorage", async () => {
      const { origin } = site
      const tabs = ["one", "two"].map((name) => ({
        id: name,
        url: `${origin}/blank?${name}`,
        sessionStorage: [{ origin, partition: null, items: [["tab", name]] as StorageItem[] }],
      }))
      const before = await opened.tabCount()
      const report = await adapter.restore(opened.target, { ...session({}), tabs }, { openTabs: "all" })
      expect(report).toMatchObject({ ok: true, set: { sessionStorage: 2 } })
      expect(await opened.tabCount()).toBe(before + 2)
      const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["sessionStorage"] })
      // CDP does not tell in which order tabs were opened.
      const held = new Map(again.tabs?.map(({ url, sessionStorage }) => [url, sessionStorage[0]?.items]))
      expect(held).toEqual(new Map(tabs.map(({ url, sessionStorage }) => [url, sessionStorage[0]?.items])))
      expect((await seenBy(await visit("/probe"))).session).toEqual([])
    })

    test("tells by name what changed since a snapshot, and nothing right after the restore", async () => {
      const parts = { cookies: [cookie(), cookie({ name: "stays" })], local: [["token", "1"]], session: [["tab", "2"]] }
      const snapshot = session(parts as Parts)
      await adapter.restore(opened.target, snapshot)
      const tab = await visit("/blank")
      expect(await adapter.diff(opened.target, snapshot)).toEqual({ same: true, differences: [], notCompared: [] })
      await tab.evaluate(
        `localStorage.setItem("token", "rotated"); document.cookie = "sid=rotated; path=/"; document.cookie.length`,
      )
      const { differences: found } = await adapter.diff(opened.target, snapshot)
      expect(found).toMatchObject([
        { kind: "cookies", where: "app.fern.test", name: "sid", change: "changed" },
        { kind: "localStorage", where: site.origin, name: "token", change: "changed" },
      ])
      expect(JSON.stringify(found)).not.toContain("rotated")
      const { differences: ofTabs } = await adapter.diff(opened.target, snapshot, { kinds: ["sessionStorage"] })
      expect(ofTabs).toEqual([])
    })

    test("does nothing after it was called off", async () => {
      const restoring = adapter.restore(opened.target, session({ cookies: [cookie()] }), {
        signal: AbortSignal.abort(),
      })
      await expect(restoring).rejects.toMatchObject({ code: "aborted" })
      const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["cookies"] })
      expect(again.cookies).toEqual([])
    })

    test("names a target that is closed already", async () => {
      const closed = await open()
      await closed.close()
      const restoring = adapter.restore(closed.target, session({ cookies: [cookie()] }))
      await expect(restoring).rejects.toMatchObject({ code: "bad-target" })
    })

    test("names a target that is closed in the middle of a restore", async () => {
      const closing = await open()
      const closed: Promise<void>[] = []
      const restoring = adapter.restore(closing.target, sessionOfMany(site), {
        onProgress: (done) => {
          if (done === 1) closed.push(closing.close())
        },
      })
      await expect(restoring).rejects.toMatchObject({ code: "bad-target" })
      await Promise.all(closed)
    })

    test("is not disturbed by a tab of the site that goes elsewhere meanwhile", async () => {
      const tab = await visit("/blank")
      const going: Promise<unknown>[] = []
      const snapshot = { ...sessionOfMany(site), cookies: [cookie()] }
      const report = await adapter.restore(opened.target, snapshot, {
        onProgress: (done) => {
          if (done === 1) going.push(tab.goto(`${site.origin}/probe`))
        },
      })
      await Promise.all(going)
      expect(report).toMatchObject({ ok: true, set: { cookies: 1, localStorage: 4 }, gaps: [] })
      await tab.goto(`${site.origin}/probe`)
      expect((await seenBy(tab)).local).toEqual([["token", "1"]])
    })

    test("passes by a service worker, or names what it kept out", async () => {
      const origin = `http://app.localhost:${site.port}`
      const tab = await opened.newTab()
      await tab.goto(`${origin}/worker`)
      await tab.evaluate("ready.then(() => null)")
      site.requests.length = 0
      const report = await adapter.restore(opened.target, sessionOf(origin, { local: [["token", "1"]] }))
      if (differences.isAnsweredByWorkers !== true) expect(site.requests).toEqual([])
      const isThere = (await tab.evaluate("localStorage.getItem('token')")) === "1"
      expect([report.ok, isThere]).toEqual(Array(2).fill(differences.isAnsweredByWorkers !== true))
      expect(report.gaps.map(({ kind }) => kind)).toEqual(isThere ? [] : ["localStorage"])
    })

    test("restores an origin that does not resolve, and names the tab that could not be opened there", async () => {
      const gone = "http://app.gone.invalid"
      const tabs = [gone, site.origin].map((origin) => ({
        id: origin,
        url: `${origin}/blank`,
        sessionStorage: [{ origin, partition: null, items: [["tab", "2"]] as StorageItem[] }],
      }))
      const snapshot = { ...sessionOf(gone, { local: [["token", "1"]] }), tabs }
      const report = await adapter.restore(opened.target, snapshot, { openTabs: "all" })
      expect(report).toMatchObject({ ok: false, set: { localStorage: 1, sessionStorage: 2 } })
      expect(report.gaps).toMatchObject([{ kind: "origin", where: gone, what: "a tab" }])
      // A page that was just sent somewhere may not be there yet.
      const held = async () => {
        const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["sessionStorage"] })
        return again.tabs?.[0]?.sessionStorage[0]?.items
      }
      await expect.poll(held).toEqual([["tab", "2"]])
    })

    testSessions({ adapter, site: () => site, opened: () => opened, visit, fillDatabases })

    test("replaces another account's login and keeps other sites, or keeps what there was when told", async () => {
      const other = `http://other.test:${site.port}`
      const tab = await opened.newTab()
      await tab.goto(`${other}/blank`)
      await tab.evaluate(
        `document.cookie = "foreign=mine"; localStorage.setItem("foreign", "mine"); document.cookie.length`,
      )
      const old = {
        cookies: [cookie({ value: "old" }), cookie({ name: "left", value: "old" })],
        local: [["left", "old"]],
      }
      await restore(old as Parts)
      const own = await visit("/blank")
      const fresh = session({ cookies: [cookie({ value: "new" })], local: [["token", "1"]] })
      const held = async () => {
        const { cookies, origins } = await adapter.capture(opened.target, { site: "fern.test" })
        const jar = byName(cookies).map(({ name, value }) => `${name}=${value}`)
        return { jar, local: byKey(origins?.[0]?.localStorage) }
      }
      expect(await adapter.restore(opened.target, fresh, { existing: "keep" })).toMatchObject({ ok: true })
      expect(await held()).toEqual({
        jar: ["left=old", "sid=new"],
        local: [
          ["left", "old"],
          ["token", "1"],
        ],
      })
      expect(await adapter.restore(opened.target, fresh)).toMatchObject({ ok: true })
      expect(await held()).toEqual({ jar: ["sid=new"], local: [["token", "1"]] })
      expect(await own.evaluate("localStorage.length")).toBe(1)
      expect(await tab.evaluate("document.cookie + localStorage.getItem('foreign')")).toBe("foreign=minemine")
    })

    test("names a database that an open page never lets go, and sets everything else", async () => {
      const tab = await visit("/blank")
      await tab.evaluate(holdDatabase("held"))
      const snapshot = session({ cookies: [cookie()], local: [["token", "1"]] })
      for (const state of snapshot.origins ?? []) state.indexedDB = [exampleDatabase("held", [[1, "new"]])]
      const report = await adapter.restore(opened.target, snapshot)
      expect(report).toMatchObject({ ok: false, set: { cookies: 1, localStorage: 1 } })
      expect(report.gaps).toMatchObject([
        {
          kind: "indexedDB",
          where: site.origin,
          what: 'database "held"',
          why: "an open page of the site holds the databases",
        },
      ])
      const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["indexedDB"] })
      expect(again.report).toMatchObject({ captured: { indexedDB: 0 } })
    })

    for (const [name, wrong] of Object.entries(wrongTargets)) {
      test(`refuses ${name} as a target`, async () => {
        const target = wrong() as Target
        await expect(adapter.restore(target, session({}))).rejects.toMatchObject({ code: "bad-target" })
        await expect(adapter.capture(target, { site: "fern.test" })).rejects.toMatchObject({ code: "bad-target" })
      })
    }
  })
}

/** Long enough that something can happen in its middle. */
function sessionOfMany({ origin, port }: Site): Snapshot {
  const more = ["a", "b", "c"].map((name) => `http://${name}.fern.test:${port}`)
  const origins = [origin, ...more].map((one) => {
    return { origin: one, partition: null, localStorage: [["token", "1"]] as StorageItem[] }
  })
  return { ...sessionOf(origin, {}), origins }
}

export interface Parts {
  cookies?: Cookie[]
  local?: StorageItem[]
  session?: StorageItem[]
}

/** A session of these parts alone, at one origin. */
export function sessionOf(origin: string, { cookies, local, session }: Parts): Snapshot {
  const { schema, account, capturedAt, capturedBy, report } = exampleSnapshot()
  const tab = { id: "1", url: `${origin}/`, sessionStorage: [{ origin, partition: null, items: session ?? [] }] }
  return {
    schema,
    sites: [new URL(origin).hostname.split(".").slice(-2).join(".")],
    account,
    capturedAt,
    capturedBy,
    report,
    ...(cookies === undefined ? {} : { cookies }),
    ...(local === undefined ? {} : { origins: [{ origin, partition: null, localStorage: local }] }),
    ...(session === undefined ? {} : { tabs: [tab] }),
  }
}

export function cookie(fields: Partial<Cookie> = {}): Cookie {
  return {
    name: "sid",
    value: "abc",
    domain: "app.fern.test",
    hostOnly: true,
    path: "/",
    secure: false,
    httpOnly: false,
    sameSite: "unspecified",
    expiresAt: null,
    partition: null,
    ...fields,
  }
}

export interface Seen {
  /** The window's own names. */
  names: string[]
  local: StorageItem[]
  session: StorageItem[]
  windowName: string
  history: number
}

/** What the very first script of `/probe` found. */
export function seenBy(tab: { evaluate<T>(expression: string): Promise<T> }): Promise<Seen> {
  return tab.evaluate<Seen>("seen")
}

export const oddItems: StorageItem[] = [
  ["length", "not a number"],
  ["key", "getItem"],
  ["__proto__", "{}"],
  ["", ""],
  ["lone \ud800", "\udfff"],
  ["text", "ü 語 \u2028 \u0000 </script>"],
]

const fillDatabases = `new Promise((resolve) => {
  const asked = indexedDB.open("", 4)
  asked.onupgradeneeded = () => {
    const made = asked.result.createObjectStore("made", { keyPath: "id", autoIncrement: true })
    made.createIndex("tags", "tags", { multiEntry: true })
    made.add({ tags: ["a", "b"], zero: -0, when: new Date(NaN), map: new Map([[1, /x/g]]), blob: new Blob(["blob"]) })
    made.add({ tags: [], id: 40 })
    const plain = asked.result.createObjectStore("plain")
    const shared = { list: [1, , 3] }
    shared.self = shared
    plain.put([shared, shared], [new Date(5), "x"])
    plain.put(new Float64Array([NaN, 1]), -Infinity)
    asked.result.createObjectStore("empty")
  }
  asked.onsuccess = () => {
    asked.result.close()
    resolve(null)
  }
})`

/** A connection that does not heed `versionchange`. */
function holdDatabase(name: string): string {
  return `new Promise((resolve) => {
    const asked = indexedDB.open(${JSON.stringify(name)}, 1)
    asked.onupgradeneeded = () => asked.result.createObjectStore("things")
    asked.onsuccess = () => {
      window.held = asked.result
      resolve(null)
    }
  })`
}

/** What page code finds, told by means of its own. */
const describeDatabases = `(async () => {
  const answerOf = (asked) => new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result)
    asked.onerror = () => reject(asked.error)
  })
  const tell = async (value, seen = []) => {
    if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value)
    if (seen.includes(value)) return "same " + seen.indexOf(value)
    seen.push(value)
    const type = Object.prototype.toString.call(value)
    if (value instanceof Date) return type + Number(value)
    if (value instanceof RegExp) return type + value
    if (value instanceof Blob) return type + await value.text()
    if (ArrayBuffer.isView(value)) return type + Array.from(value).join()
    const entries = value instanceof Map ? [...value] : Object.entries(value)
    const told = []
    for (const [key, item] of entries) told.push([await tell(key, seen), await tell(item, seen)])
    return [type, value.length, told]
  }
  const found = []
  for (const { name, version } of await indexedDB.databases()) {
    const db = await answerOf(indexedDB.open(name))
    for (const storeName of db.objectStoreNames) {
      const store = db.transaction(storeName, "readwrite").objectStore(storeName)
      const indexes = Array.from(store.indexNames, (index) => store.index(index))
      const byIndex = await Promise.all(indexes.map((index) => answerOf(index.count("a"))))
      const [keys, values] = [await answerOf(store.getAllKeys()), await answerOf(store.getAll())]
      const next = store.autoIncrement ? await answerOf(store.add({})) : null
      store.transaction.abort()
      const told = [await tell(keys), await tell(values)]
      found.push([name, version, storeName, store.keyPath, next, indexes.map(({ name }) => name), byIndex, told])
    }
    db.close()
  }
  return found
})()`

function storageBelow(url: string): string {
  return `new Promise((resolve) => {
    const frame = document.createElement("iframe")
    frame.src = ${JSON.stringify(url)}
    addEventListener("message", ({ data }) => resolve(data))
    document.documentElement.append(frame)
  })`
}

const greetingText = `document.getElementById("greeting")?.textContent ?? ""`

const replaceBuiltins = `{
  const liar = () => { throw new Error("replaced") }
  Object.assign(Storage.prototype, { key: liar, getItem: liar, setItem: liar })
  Object.defineProperty(Storage.prototype, "length", { get: () => 0 })
  JSON.stringify = () => "lies"
  Object.assign(Array, { from: liar })
  Object.assign(Object, { keys: liar, entries: liar })
  Object.assign(String.prototype, { replace: liar })
}`

function fillForm(name: string): string {
  return `{
    const form = document.forms[0]
    form.elements.name.value = ${JSON.stringify(name)}
    form.elements.password.value = "any"
    form.requestSubmit()
  }`
}

function inDays(days: number): number {
  return Math.round(Date.now() / 1000 + days * 86_400) * 1000
}

function byName(cookies: Cookie[] = []): Cookie[] {
  return cookies.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function byKey(items: StorageItem[] = []): StorageItem[] {
  return items.toSorted(([a], [b]) => (a < b ? -1 : 1))
}
