import { expect, test, type BrowserContext, type Page } from "@playwright/test"
import { capture, contextOptions, open, type SaveReport } from "../../shared/adapters/playwright.js"
import { openHomeVault } from "../../native-host/node.js"
import { createCard, createIdentity, identityToText } from "../../shared/keys.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import type { Provider } from "../../shared/provider.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { createDevice, createMemory, namesIn } from "../shared/vault/devices.js"
import { startRotatingSite, type RotatingSite } from "../site/rotating-site.js"
import { startChromium } from "./browser.js"

/** Bots that work with one session of a person, and give back what their visits change. */
let chromium: Awaited<ReturnType<typeof startChromium>>
let site: RotatingSite
let provider: Provider
let person: Vault
const contexts: BrowserContext[] = []

test.beforeAll(async () => {
  chromium = await startChromium()
})
test.afterAll(() => chromium.stop())
test.beforeEach(async () => {
  site = await startRotatingSite()
  provider = createMemoryProvider()
  person = await openVault(provider, { identity: await createDevice("person"), memory: createMemory() })
})
test.afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()))
  await site.close()
})

const fern = "fern.test"
const greeting = (page: Page) => page.locator("h1")
const welcome = "Good to see you, Ada"

async function newContext(): Promise<BrowserContext> {
  const context = await chromium.browser.newContext()
  contexts.push(context)
  return context
}

async function visit(context: BrowserContext, expected = welcome): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${site.origin}/`)
  await expect(greeting(page)).toHaveText(expected)
  return page
}

/** The person logs in, saves, and closes the browser. */
async function saveLogin(parts: Partial<Snapshot> = {}): Promise<void> {
  const context = await newContext()
  const page = await context.newPage()
  await page.goto(`${site.origin}/login?name=Ada`)
  await expect(greeting(page)).toHaveText(welcome)
  await person.save({ ...(await capture(context, { site: fern })), ...parts })
  await context.close()
}

async function newBot(name: string, saveBack = true): Promise<Vault> {
  const identity = await createDevice(name)
  await person.grant(identity.card, { site: fern, saveBack })
  return openVault(provider, { identity, owner: person.card.text, memory: createMemory() })
}

/** What bots save goes to the owners; an owner device that saves puts it into what other bots read. */
async function passOn(): Promise<void> {
  const loaded = await person.loadSession(fern)
  if (loaded === null) throw new Error("nothing is saved")
  await person.save(loaded.snapshot, { since: loaded.since() })
}

const tokenIn = (snapshot: Snapshot | null) =>
  snapshot?.origins?.[0]?.localStorage?.find(([key]) => key === "token")?.[1]

/** A bot restores, and the site trades its tokens twice. */
async function rotateTwice(bot: Vault) {
  const session = await open(bot, fern)
  const context = await newContext()
  await session.restore(context)
  const page = await visit(context)
  await page.reload()
  await expect(greeting(page)).toHaveText(welcome)
  return { session, context, page }
}

test("a token that a bot rotated and saved keeps the person and the next bot logged in", async () => {
  await saveLogin()
  const [first, second] = [await newBot("ci-1"), await newBot("ci-2")]
  const { session, context } = await rotateTwice(first)
  const before = await namesIn(provider, `${person.id}/sessions/`)
  const report = await session.save(context)
  expect(report).toMatchObject({ saved: true, refused: [], gaps: [] })
  expect(report.changes).toMatchObject([
    { kind: "cookies", where: "app.fern.test", what: 'cookie "sid"', change: "changed" },
    { kind: "localStorage", where: site.origin, what: 'key "token"', change: "changed" },
  ])
  expect(await namesIn(provider, `${person.id}/sessions/`)).toHaveLength(before.length + 1)
  expect(tokenIn(await person.load(fern))).toBe(site.tokens()[0])
  const other = await newContext()
  await passOn()
  await (await open(second, fern)).restore(other)
  await visit(other)
})

test("the example of the README", async ({}, testInfo) => {
  const home = testInfo.outputPath("home")
  const identity = await createIdentity("laptop")
  const env = { PSP_HOME: home, PSP_IDENTITY: identityToText(identity), PSP_OWNER: await createCard(identity) }
  const vault = await openHomeVault({ env })
  person = vault
  await saveLogin()

  const session = await open(vault, fern)
  const context = await chromium.browser.newContext(contextOptions(session.snapshot))
  contexts.push(context)
  await session.restore(context)
  const page = await context.newPage()
  await page.goto(site.origin)
  await expect(greeting(page)).toHaveText(welcome)
  const { changes } = await session.save(context)
  const line = { kind: "localStorage", where: site.origin, what: 'key "token"', change: "changed", count: 1 }
  expect(changes).toContainEqual(line)
  expect(tokenIn(await vault.load(fern))).toBe(site.tokens()[0])
})

test("without saving it the next one who restores is logged out, and the bot too", async () => {
  await saveLogin()
  const [first, second] = [await newBot("ci-1"), await newBot("ci-2")]
  const { page } = await rotateTwice(first)
  const other = await newContext()
  await (await open(second, fern)).restore(other)
  await visit(other, "Who is there?")
  await page.reload()
  await expect(greeting(page)).toHaveText("Who is there?")
})

test("a login that the site ended is not saved over a good one: the remembered page is asked first", async () => {
  await saveLogin()
  const good = await person.load(fern)
  if (good === null) throw new Error("nothing is saved")
  await person.save({ ...good, check: { url: `${site.origin}/`, text: "Good to see you" } })
  const { session, context, page } = await rotateTwice(await newBot("ci-1"))
  site.revokeAll()
  await page.evaluate(() => localStorage.setItem("seen", "1"))
  const before = await namesIn(provider, `${person.id}/sessions/`)
  await expect(session.save(context)).rejects.toMatchObject({ code: "logged-out" })
  expect(await namesIn(provider, `${person.id}/sessions/`)).toEqual(before)
  expect(tokenIn(await person.load(fern))).toBe(tokenIn(good))
})

test("a look at the remembered page rotates the token once more, and what is saved is the token after it", async () => {
  await saveLogin()
  const good = await person.load(fern)
  if (good === null) throw new Error("nothing is saved")
  await person.save({ ...good, check: { url: `${site.origin}/`, text: "Good to see you" } })
  const { session, context } = await rotateTwice(await newBot("ci-1"))
  const rotations = site.rotations()
  expect(await session.save(context)).toMatchObject({ saved: true, check: { result: "logged-in" } })
  expect(site.rotations()).toBe(rotations + 1)
  expect(tokenIn(await person.load(fern))).toBe(site.tokens()[0])
})

test("two bots save different fields, both are there, and each gets the other's by a refresh", async () => {
  await saveLogin()
  const bots = [await newBot("ci-1"), await newBot("ci-2")]
  const work = await Promise.all(
    bots.map(async (bot, nth) => {
      const session = await open(bot, fern)
      const context = await newContext()
      await session.restore(context)
      const page = await context.newPage()
      await page.goto(`${site.origin}/set?c=${encodeURIComponent(`seen-${nth}=1; Path=/`)}`)
      await page.evaluate((key) => localStorage.setItem(key, "1"), `bot ${nth}`)
      return { session, context }
    }),
  )
  for (const { session, context } of work) expect(await session.save(context)).toMatchObject({ saved: true })
  const names = (snapshot: Snapshot | null | undefined) => [
    ...(snapshot?.cookies ?? []).map(({ name }) => name),
    ...(snapshot?.origins?.[0]?.localStorage ?? []).map(([key]) => key),
  ]
  const all = ["bot 0", "bot 1", "seen-0", "seen-1", "sid", "token"]
  expect(names(await person.load(fern)).sort()).toEqual(all)
  await passOn()
  const [first] = work
  const found = (await first?.session.refresh()) ?? []
  expect(found.map(({ what, change }) => [what, change])).toEqual([
    ['cookie "seen-1"', "added"],
    ['key "bot 1"', "added"],
  ])
  expect(names(first?.session.snapshot).sort()).toEqual(all)
  // The context has not got it, and says nothing of it.
  expect(first && (await first.session.save(first.context))).toMatchObject({ saved: false })
})

test("a bot's deletion is told as waiting for the person, once", async () => {
  await saveLogin()
  const session = await open(await newBot("ci-1"), fern)
  const context = await newContext()
  await session.restore(context)
  const page = await context.newPage()
  await page.goto(`${site.origin}/set`)
  await page.evaluate(() => localStorage.removeItem("token"))
  const refused = [{ kind: "localStorage", what: 'key "token"', why: "a bot's deletion waits for the person" }]
  expect(await session.save(context)).toMatchObject({ saved: true, changes: [], refused })
  expect(tokenIn(await person.load(fern))).toBe(site.tokens()[0])
  expect(await session.save(context)).toMatchObject({ saved: false, refused: [] })
})

test("a bot that may only read is told so when it saves, and not before", async () => {
  await saveLogin()
  const { session, context } = await rotateTwice(await newBot("ci-1", false))
  await expect(session.save(context)).rejects.toMatchObject({ code: "not-granted" })
})

test("an autosave saves each rotation, a last time when it is ended, and is over when the context closes", async () => {
  await saveLogin()
  const { session, context, page } = await rotateTwice(await newBot("ci-1"))
  const saved: SaveReport[] = []
  const errors: unknown[] = []
  const options = {
    onSaved: (report: SaveReport) => saved.push(report),
    onError: (error: unknown) => errors.push(error),
  }
  const saving = session.autosave(context, { everyMs: 50, ...options })
  await expect.poll(() => saved.length).toBe(1)
  await page.reload()
  await expect(greeting(page)).toHaveText(welcome)
  await expect.poll(async () => tokenIn(await person.load(fern))).toBe(site.tokens()[0])
  await saving.end()
  const count = saved.length
  const slow = session.autosave(context, { everyMs: 3_600_000, ...options })
  await page.reload()
  await expect(greeting(page)).toHaveText(welcome)
  await slow.end()
  expect([saved.length, errors]).toEqual([count + 1, []])
  expect(tokenIn(await person.load(fern))).toBe(site.tokens()[0])
  const over = session.autosave(context, { everyMs: 3_600_000, ...options })
  await context.close()
  await over.end()
  expect([saved.length, errors]).toEqual([count + 1, []])
})

test("sessionStorage that waits for a tab still waits after a look", async () => {
  await saveLogin({
    check: { url: `${site.origin}/`, text: "Good to see you" },
    tabs: [
      {
        id: "1",
        url: `${site.origin}/`,
        sessionStorage: [{ origin: site.origin, partition: null, items: [["tab", "of the person"]] }],
      },
    ],
  })
  const session = await open(person, fern)
  const context = await newContext()
  await session.restore(context)
  const cookies = [{ name: "extra", value: "1", url: site.origin }]
  await context.addCookies(cookies)
  expect(await session.save(context)).toMatchObject({ saved: true, check: { result: "logged-in" } })
  const page = await visit(context)
  expect(await page.evaluate(() => sessionStorage.getItem("tab"))).toBe("of the person")
})
