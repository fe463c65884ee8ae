import { expect, it } from "vitest"
import { utf8ToText } from "../../../shared/bytes.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Kind } from "../../../shared/report.js"
import { openVault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, day, minute, start } from "./devices.js"

const site = "example.com"

async function ownerAndBot() {
  let now = start
  const [owner, bot] = [await createDevice("laptop"), await createDevice("ci-1")]
  const vault = await openVault(createMemoryProvider(), { identity: owner, now: () => now })
  await vault.save(exampleSnapshot(site, "default", "canary"))
  const elsewhere = createMemoryProvider()
  const atBot = await openVault(elsewhere, { identity: bot, owner: vault.card.text, now: () => now })
  return { vault, bot, atBot, later: (ms: number) => (now += ms) }
}

it("a file for a bot holds the granted kinds and nothing else, and no cookie ends after it", async () => {
  const { vault, bot, atBot } = await ownerAndBot()
  const end = start + 8 * 60 * minute
  const kinds: Kind[] = ["cookies"]
  const opened = await atBot.openFile(await vault.exportTo(bot.card, site, { kinds, expiresAt: end }))
  const { snapshot } = opened
  expect(snapshot.cookies?.length).toBeGreaterThan(0)
  expect(snapshot).not.toHaveProperty("origins")
  expect(snapshot).not.toHaveProperty("tabs")
  expect(snapshot).not.toHaveProperty("context")
  expect(Object.keys(snapshot.report.captured)).toEqual(["cookies"])
  expect(opened.expiresAt).toBe(end)
  for (const { expiresAt } of snapshot.cookies ?? []) expect(expiresAt ?? 0).toBeLessThanOrEqual(end)
})

it("a file for a bot does not open after its end", async () => {
  const { vault, bot, atBot, later } = await ownerAndBot()
  const file = await vault.exportTo(bot.card, site, { expiresAt: start + day })
  later(day - 1)
  await expect(atBot.openFile(file)).resolves.toMatchObject({ site })
  later(1)
  await expect(atBot.openFile(file)).rejects.toMatchObject({ code: "expired" })
})

it("a part of a session opens for the bot alone: no owner puts it back as if it were the whole", async () => {
  const { vault, bot } = await ownerAndBot()
  for (const limits of [{ kinds: ["cookies" as const] }, { expiresAt: start + day }]) {
    const file = await vault.exportTo(bot.card, site, limits)
    await expect(vault.importFile(file)).rejects.toMatchObject({ code: "not-for-me" })
    expect(utf8ToText(file.slice(0, 200))).not.toContain(site)
  }
  await expect(vault.importFile(await vault.exportTo(bot.card, site))).resolves.toMatchObject({ site })
})

it("a file for a bot holds only the sites that were agreed to, and names the others", async () => {
  const { vault, bot, atBot } = await ownerAndBot()
  const [cookie] = exampleSnapshot(site).cookies ?? []
  if (cookie === undefined) throw new Error("no cookie")
  const also = exampleSnapshot(site)
  await vault.save({ ...also, sites: [site, "idp.test"], cookies: [cookie, { ...cookie, domain: "idp.test" }] })
  const { snapshot } = await atBot.openFile(await vault.exportTo(bot.card, site, { sites: [site] }))
  expect(snapshot.cookies?.map(({ domain }) => domain)).toEqual([cookie.domain])
  expect(JSON.stringify(snapshot.report.gaps)).toContain("idp.test")
})

it("a file never outlives the session, and is not made for kinds that are none", async () => {
  const { vault, bot, atBot } = await ownerAndBot()
  const { expiresAt = 0 } = (await vault.loadSession(site)) ?? {}
  const file = await vault.exportTo(bot.card, site, { expiresAt: expiresAt + day })
  expect((await atBot.openFile(file)).expiresAt).toBe(expiresAt)
  await expect(vault.exportTo(bot.card, site, { kinds: [] })).rejects.toMatchObject({ code: "usage" })
})
