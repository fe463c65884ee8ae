import { beforeEach, describe, expect, it } from "vitest"
import { deltaPlaintext } from "../../../shared/session-payload.js"
import { seal } from "../../../shared/envelope.js"
import { clockAt } from "../../../shared/hlc.js"
import { fieldsOf, pathOf } from "../../../shared/merge/fields.js"
import { registersToUpdate } from "../../../shared/merge/registers.js"
import { parseCard } from "../../../shared/keys.js"
import { nameOfField, namesIn } from "../../../shared/field-names.js"
import { deletionsOf, livesOf } from "../../../shared/merge.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Cookie, Snapshot, TabState } from "../../../shared/snapshot.js"
import { openVault, type LoadedSession, type Vault } from "../../../shared/vault.js"
import { exampleDatabase } from "../example-database.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, day, createTwoOwners, minute, openedBy, start } from "./devices.js"

const site = "example.com"
const app = "https://app.example.com"
type Device = Awaited<ReturnType<typeof createDevice>>

let provider: Provider
let now: number
let a: Vault
let b: Vault
let bot: Device

beforeEach(async () => {
  now = start
  provider = createMemoryProvider()
  ;[a, b] = await createTwoOwners(provider, [() => now, () => now])
  bot = await createDevice("bot")
  await save(a, "one")
})

/** One thing of each kind by the name `shown`, and beside it, in places of their own too, others whose names and values say `veiled`. */
function sessionOf(value: string): Snapshot {
  const snapshot = exampleSnapshot(site)
  const [base] = snapshot.cookies ?? []
  if (base === undefined) throw new Error("no cookie")
  const named = (name: string, more: Partial<Cookie> = {}): Cookie => ({
    ...{ ...base, name, value: `${name}=${value}`, hostOnly: false, domain: site, ...more },
  })
  const tab = (id: string, keys: string[]): TabState => ({
    id,
    url: `${app}/veiled-path?veiled`,
    sessionStorage: [
      { origin: app, partition: null, items: keys.map((key) => [`${key}Session`, `${key}Session=${value}`]) },
    ],
  })
  const base64 = btoa(value)
  return {
    ...snapshot,
    cookies: [
      named("shownCookie"),
      named("shownCookie.1"),
      named("veiledCookie"),
      named("veiledHost", { domain: "veiled.example.com" }),
      named("msal.cache.encryption"),
    ],
    origins: [
      {
        origin: app,
        partition: null,
        localStorage: [
          ["shownKey", `shownKey=${value}`],
          ["veiledKey", `veiledKey=${value}`],
        ],
        indexedDB: [
          exampleDatabase("shownBase", [[1, `shownBase=${value}`]]),
          exampleDatabase("veiledBase", [[1, value]]),
        ],
        opfs: {
          ...{ files: 2, bytes: 987_654 },
          entries: [
            { path: "folder", data: null },
            { path: "folder/shownFile", data: base64 },
            { path: "veiledFile", data: base64 },
          ],
        },
        serviceWorkers: { scopes: 7 },
      },
      { origin: "https://veiled.example.com", partition: null, localStorage: [["veiledKey", "veiled"]] },
      { origin: `https://${site}`, partition: null, localStorage: [["msal.shownKey", `msal=${value}`]] },
    ],
    tabs: [tab("1", ["shown", "veiled"]), tab("veiledTab", ["veiled"])],
    check: { url: `${app}/veiled-check` },
    report: {
      captured: { cookies: 5, localStorage: 4, sessionStorage: 3, indexedDB: 2, opfs: 2, context: 1 },
      gaps: [
        gap("cookies", site, 'cookie "veiledCookie2"'),
        gap("cookies", site, 'cookie "shownCookie", for all of example.com'),
        gap("localStorage", "https://veiled.example.com", 'key "veiledKey2"'),
        gap("origin", "https://veiled2.example.com", "page storage"),
        gap("cookies", site, 'cookie "shownCookie.1"'),
        gap("indexedDB", app, 'records of store "x" of database "shownBase"'),
        gap("indexedDB", app, 'records of store "x" of database "veiledBase2"'),
        gap("site", site, "1 change"),
      ],
    },
  }
}

function gap(kind: Snapshot["report"]["gaps"][number]["kind"], where: string, what: string) {
  return { kind, where, what, why: "it was so", fix: "", count: 1 }
}

async function save(vault: Vault, value: string): Promise<void> {
  await vault.save(sessionOf(value))
  now += minute
}

const openAs = (identity: Device) => openVault(provider, { identity, owner: a.card.text, now: () => now })

async function loaded(vault: Vault): Promise<LoadedSession> {
  const session = await vault.loadSession(site)
  if (session === null) throw new Error("nothing is there")
  return session
}

async function change(vault: Vault, snapshot: Snapshot) {
  const { prepared, changed } = await vault.prepareChanges(snapshot, (await loaded(vault)).since())
  if (prepared !== null) await vault.commit(prepared)
  now += minute
  return changed.map(({ field }) => field)
}

/** Everything that the bot can open, but for what it was told of the grant itself. */
async function opened(): Promise<string> {
  return (await openedBy(bot, provider, [a, b])).filter((text) => !text.startsWith('{"kind":"bot"')).join("\n")
}

const values = (value: string): [name: string, shows: string, counts: object][] => [
  ["cookies:shownCookie", `shownCookie.1=${value}`, { cookies: 2 }],
  ["localStorage:shownKey", `shownKey=${value}`, { localStorage: 1 }],
  ["sessionStorage:shownSession", `shownSession=${value}`, { sessionStorage: 1 }],
  ["indexedDB:shownBase", `shownBase=${value}`, { indexedDB: 1 }],
  ["opfs:folder/shownFile", btoa(value), { opfs: 1 }],
  ["group:msal", `msal=${value}`, { cookies: 1, localStorage: 1 }],
]

describe("a grant of one name", () => {
  it.each(values("").map(([name, , counts], at) => ({ name, counts, at })))(
    "opens $name, and nothing else anywhere",
    async ({ name, counts, at }) => {
      const shows = (value: string) => values(value)[at]?.[1] ?? ""
      const given = await a.grant(bot.card, { site, names: [name], saveBack: true })
      expect(given).toMatchObject({ names: [name], sites: [site] })
      const snapshot = await (await openAs(bot)).load(site)
      expect(snapshot === null ? [] : namesIn(snapshot)).toEqual([name])
      expect(snapshot?.report.captured).toEqual(counts)
      expect(JSON.stringify(snapshot)).toContain(shows("one"))
      // A change, what another owner passes on, whole saves by both, of which one merges, and what is compacted.
      const texts: string[] = []
      const look = async (value: string) => {
        now += minute
        expect(JSON.stringify(await (await openAs(bot)).load(site))).toContain(shows(value))
        texts.push(await opened())
      }
      await change(a, sessionOf("two"))
      await look("two")
      await b.refresh()
      const session = await loaded(b)
      await b.passOn(session, [...livesOf(session.state()).values(), ...deletionsOf(session.state()).values()])
      await look("two")
      await b.save(sessionOf("three"), { since: session.since() })
      await look("three")
      await change(b, sessionOf("four"))
      await look("four")
      await a.compact()
      await save(a, "five")
      await look("five")
      await change(a, { ...sessionOf("five"), cookies: [], tabs: [], origins: [] })
      texts.push(await opened())
      const all = texts.join("\n")
      expect(all).not.toMatch(/veiled|Mozilla|987654|"scopes"/)
      for (const [other, text] of values("five")) if (other !== name) expect(all).not.toContain(`"${text}"`)
    },
  )

  it("tells gaps of that name and of the whole site, and no others", async () => {
    await a.grant(bot.card, { site, names: ["cookies:shownCookie"] })
    const snapshot = await (await openAs(bot)).load(site)
    const told = ['cookie "shownCookie", for all of example.com', 'cookie "shownCookie.1"', "1 change"]
    expect(snapshot?.report.gaps.map(({ what }) => what)).toEqual(told)
    await a.grant(bot.card, { site, names: ["indexedDB:shownBase"] })
    const ofBase = (await (await openAs(bot)).load(site))?.report.gaps.map(({ what }) => what)
    expect(ofBase).toEqual(['records of store "x" of database "shownBase"', "1 change"])
  })

  it("is told of a change without its place among the others", async () => {
    const many = (value: string): Snapshot => {
      const snapshot = sessionOf(value)
      const [cookie] = snapshot.cookies ?? []
      if (cookie === undefined) throw new Error("no cookie")
      const others = Array.from({ length: 57 }, (_, nth) => ({ ...cookie, name: `veiled-${nth}`, value }))
      return { ...snapshot, cookies: [...others, ...(snapshot.cookies ?? [])] }
    }
    await a.save(many("one"))
    now += minute
    await a.grant(bot.card, { site, names: ["cookies:shownCookie"] })
    await change(a, many("two"))
    const ranks = [...livesOf((await loaded(await openAs(bot))).state()).values()].map(({ rank }) => rank)
    expect(Math.max(...ranks)).toBeLessThan(57)
  })

  it("is told of a new tab by its origin, when something chosen is in it", async () => {
    await a.grant(bot.card, { site, names: ["sessionStorage:shownSession"] })
    const snapshot = sessionOf("one")
    const [first] = snapshot.tabs ?? []
    if (first === undefined) throw new Error("no tab")
    const further = {
      ...first,
      id: "new",
      sessionStorage: [
        ...first.sessionStorage,
        { origin: "https://example.com", partition: null, items: [["shownSession", "news"] as [string, string]] },
      ],
    }
    const changed = await change(a, { ...snapshot, tabs: [...(snapshot.tabs ?? []), further] })
    expect(changed.join("\n")).toContain("new")
    const tabs = (await (await openAs(bot)).load(site))?.tabs ?? []
    expect(tabs.map(({ url }) => url)).toEqual([`${app}/`, `${app}/`])
    expect(JSON.stringify(tabs)).toContain("news")
    expect(await opened()).not.toContain("veiled")
  })
})

describe("what a bot with chosen names saves back", () => {
  const names = ["cookies:shownCookie", "localStorage:shownKey"]

  it("is of these names alone, though its browser holds more", async () => {
    await a.grant(bot.card, { site, names, saveBack: true })
    const vault = await openAs(bot)
    const changed = await change(vault, sessionOf("by bot"))
    expect(changed.map((field) => nameOfField(pathOf(field))).sort()).toEqual(names)
    const all = JSON.stringify((await loaded(a)).snapshot)
    expect(all).toContain("shownCookie=by bot")
    expect(all).toContain("shownKey=by bot")
    expect(all).toContain("veiledCookie=one")
    expect((await loaded(a)).refused).toEqual([])
  })

  it.each([{ names: ["cookies:shownCookie"] }, { kinds: ["cookies"] as const }])(
    "does not count at another site of the session, though it is called so: %j",
    async (what) => {
      const [cookie] = sessionOf("x").cookies ?? []
      if (cookie === undefined) throw new Error("no cookie")
      const at = (domain: string, value: string) => ({ ...cookie, domain, value })
      const both = (value: string): Snapshot => ({
        ...sessionOf("one"),
        sites: [site, "idp.example"],
        cookies: [at(site, value), at("idp.example", value)],
      })
      await a.save(both("one"))
      now += minute
      await a.grant(bot.card, { site, sites: [site], saveBack: true, ...what })
      await change(await openAs(bot), both("by bot"))
      const { snapshot, refused } = await loaded(a)
      expect(snapshot.cookies?.map(({ domain, value }) => [domain, value])).toEqual([
        [site, "by bot"],
        ["idp.example", "one"],
      ])
      expect(refused).toContainEqual(expect.objectContaining({ why: "it is not of the session's sites" }))
    },
  )

  it("does not count for the owners where it is of others, whatever the bot's tool sends", async () => {
    await a.grant(bot.card, { site, names, saveBack: true })
    const [copy] = await (await openAs(bot)).list()
    const clock = clockAt(now)
    const { writerId } = await parseCard(bot.card)
    const registers = [...fieldsOf(sessionOf("forged"))].map(([field, { value, rank }]) => ({
      ...{ field, clock, writer: writerId, born: clock, value, rank, expiresAt: null },
    }))
    const sealed = await seal({
      header: { typ: "delta", vault: a.id, sid: copy?.sid ?? "", clock, exp: now + day, seen: {} },
      plaintext: deltaPlaintext(registersToUpdate(registers)),
      recipients: a.owners().map(({ recipient }) => recipient),
      writer: bot,
    })
    await provider.put(sealed.name, sealed.bytes)
    now += minute
    const { snapshot, refused } = await loaded(a)
    const all = JSON.stringify(snapshot)
    expect(all).toContain("shownCookie=forged")
    expect(all).toContain("shownKey=forged")
    expect(all.match(/=forged/g)).toHaveLength(3)
    const why = "it is not one of the names that were granted"
    expect(
      refused
        .filter((one) => one.why === why)
        .map(({ register }) => register.field)
        .join("\n"),
    ).toContain("veiledKey")
    expect(refused.every((one) => one.register.field.includes("shownCookie"))).toBe(false)
  })
})

describe("names", () => {
  it("stand for a cookie with its chunks, and in one order", async () => {
    const given = await a.grant(bot.card, { site, names: ["localStorage:shownKey", "cookies:shownCookie.1"] })
    expect(given).toMatchObject({
      ...{ kinds: ["cookies", "localStorage"], names: ["cookies:shownCookie", "localStorage:shownKey"] },
    })
    expect(await a.grants()).toMatchObject([{ names: ["cookies:shownCookie", "localStorage:shownKey"] }])
  })

  it("are refused where there are none, of no kind, together with kinds, and where nothing is called so", async () => {
    const strange = "cookies:canaryName"
    for (const terms of [
      { names: [] },
      { names: ["cakes:sid"] },
      { names: ["shownCookie"] },
      { names: [strange] },
      { names: ["opfs:folder"] },
      { names: ["cookies:shownCookie"], kinds: ["cookies"] as const },
      { names: ["cookies:shownCookie", `localStorage:${"x".repeat(200_000)}`] },
    ]) {
      const error = await a.grant(bot.card, { site, ...terms }).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: "usage", message: expect.stringMatching(/^Cannot grant/) as string })
      expect(String(error)).not.toContain("veiled")
      await expect(a.exportTo(bot.card, site, terms)).rejects.toMatchObject({ code: "usage" })
    }
    expect(await a.grants()).toEqual([])
  })

  it("that are at a site which is not granted are not held", async () => {
    const wide = sessionOf("two")
    const [cookie] = wide.cookies ?? []
    if (cookie === undefined) throw new Error("no cookie")
    const cookies = [...(wide.cookies ?? []), { ...cookie, name: "idp", domain: "idp.example" }]
    await a.save({ ...wide, sites: [site, "idp.example"], cookies })
    const terms = { site, names: ["cookies:idp"] }
    await expect(a.grant(bot.card, { ...terms, sites: [site] })).rejects.toMatchObject({ code: "usage" })
    await a.grant(bot.card, terms)
    expect((await (await openAs(bot)).load(site))?.cookies?.map(({ name }) => name)).toEqual(["idp"])
  })

  it("that were granted may be granted again while the session does not hold them, and come when it does", async () => {
    const terms = { site, names: ["cookies:shownCookie"] }
    await a.grant(bot.card, terms)
    const without = sessionOf("two")
    await a.save({ ...without, cookies: [] })
    now += minute
    const other = await createDevice("other")
    await a.grant(other.card, terms)
    expect((await (await openAs(other)).load(site))?.cookies).toEqual([])
    await save(a, "three")
    expect((await (await openAs(other)).load(site))?.cookies).toHaveLength(2)
  })

  it("granted in place of kinds, or kinds in place of names, leave nothing of the terms before", async () => {
    await a.grant(bot.card, { site })
    expect(await opened()).toContain("veiled")
    await a.grant(bot.card, { site, names: ["cookies:shownCookie"] })
    expect(await opened()).not.toContain("veiled")
    await a.grant(bot.card, { site, names: ["localStorage:shownKey"] })
    expect(await opened()).not.toContain("shownCookie=")
    await a.grant(bot.card, { site, kinds: ["cookies"] })
    expect(await opened()).not.toContain("shownKey=")
    expect(await a.grants()).toMatchObject([{ kinds: ["cookies"], names: null }])
    expect(await a.verify()).toMatchObject({ defects: [], unlisted: 0 })
  })

  it("of a file are all that it holds", async () => {
    const bytes = await a.exportTo(bot.card, site, { names: ["localStorage:shownKey"] })
    const { snapshot } = await (await openAs(bot)).openFile(bytes)
    expect(namesIn(snapshot)).toEqual(["localStorage:shownKey"])
    expect(JSON.stringify(snapshot)).not.toMatch(/veiled|Mozilla/)
    expect(await a.openFile(bytes).catch((error: unknown) => error)).toMatchObject({ code: "not-for-me" })
  })
})
