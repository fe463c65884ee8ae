import { readFile } from "node:fs/promises"
import { describe, expect, it, vi } from "vitest"
import { foundNames, namesByKind } from "../../extension/chosen-names.js"
import { siteLink } from "../../extension/handed-off.js"
import { fileNameOf, readRecipient } from "../../extension/hand-off.js"
import { endOf, usualEnd } from "../../extension/ui/end-choice.js"
import { handOffOf, handOffPath } from "../../extension/ui/route.js"

import { createDevice, laterCard } from "../shared/vault/devices.js"

vi.mock("wxt/browser", () => ({ browser: { i18n: {} } }))

describe("the page that hands off", () => {
  it.each([
    { site: "example.com", account: "default" },
    { site: "127.0.0.1", account: "a&b=c#d?e %" },
    { site: "xn--bcher-kva.example", account: "работа 💼" },
  ])("is found again by its own address for %j", (session) => {
    expect(handOffOf(handOffPath(session).replace(/^dashboard\.html/, ""))).toEqual(session)
  })

  it.each([
    "",
    "#",
    "#hand-off",
    "#hand-off?site=example.com",
    "#hand-off?account=default",
    "#other?site=example.com&account=default",
    `#hand-off?account=default&site=${"s".repeat(256)}`,
  ])("is not %j", (hash) => {
    expect(handOffOf(hash)).toBeNull()
  })
})

describe("the end of a handoff", () => {
  const now = Date.parse("2027-01-15T08:00:00Z")

  it("is in 8 hours unless something else is chosen", () => {
    expect(endOf(usualEnd, now)).toBe(now + 8 * 60 * 60 * 1000)
  })

  it("is what was chosen, by the clock on the wall, or none", () => {
    const text = "2027-01-31T12:30"
    expect(endOf({ kind: "date", text }, now)).toBe(new Date(2027, 0, 31, 12, 30).getTime())
    expect(endOf({ kind: "open" }, now)).toBeNull()
  })

  it.each(["", "2027-01-15T07:00", "2001-01-01T00:00", "no date"])("is never %j", (text) => {
    expect(endOf({ kind: "date", text }, Date.parse("2027-01-16T08:00:00Z"))).toBeUndefined()
  })
})

describe("the names to choose from", () => {
  const names = ["cookies:sid", "cookies:Theme", "localStorage:a:b", "sessionStorage:sid", "group:msal", "cakes:none"]

  it("stand below their kinds, as they are called", () => {
    expect(namesByKind(names).map(({ kind, items }) => [kind, items.map(({ name }) => name)])).toEqual([
      ["cookies", ["sid", "Theme"]],
      ["localStorage", ["a:b"]],
      ["sessionStorage", ["sid"]],
      ["group", ["msal"]],
    ])
  })

  it("are found by a part of the name, and not by their kind", () => {
    expect(foundNames(names, " SID ")).toEqual(["cookies:sid", "sessionStorage:sid"])
    expect(foundNames(names, "theme")).toEqual(["cookies:Theme"])
    expect(foundNames(names, "storage")).toEqual([])
    expect(foundNames(names, "")).toEqual(names)
  })
})

it("a card of a newer version is told apart from a damaged one, before anything is asked", async () => {
  const { card } = await createDevice("bot")
  await expect(readRecipient(laterCard(card))).rejects.toMatchObject({ code: "too-new" })
  await expect(readRecipient(card.slice(0, -3))).rejects.toMatchObject({ code: "bad-card" })
})

it.each([
  ["example.com", "example.com.psp"],
  ["127.0.0.1", "127.0.0.1.psp"],
  ["[::1]", "_1_.psp"],
  ["..\\..//etc", "_.._etc.psp"],
])("a file for %s is called %s, which is no path and no option", (site, name) => {
  expect(fileNameOf(site)).toBe(name)
})

it.each([
  ["example.com", "https://example.com/"],
  ["xn--bcher-kva.example", "https://xn--bcher-kva.example/"],
  ["127.0.0.1", "https://127.0.0.1/"],
  ["[::1]", "https://[::1]/"],
  ["example.com/path", null],
  ["user@example.com", null],
  ["javascript:alert(1)", null],
  ["bücher.example", null],
  ["", null],
])("the link to log out at %j is %j", (site, link) => {
  expect(siteLink(site)).toBe(link)
})

it("no two texts have names that differ in case alone: browsers take them for one", async () => {
  const file = new URL("../../extension/locales/en.json", import.meta.url)
  const texts = JSON.parse(await readFile(file, "utf8")) as Record<string, string | Record<string, string>>
  const names = Object.entries(texts).flatMap(([name, text]) =>
    typeof text === "string" || "1" in text ? [name] : Object.keys(text).map((part) => `${name}_${part}`),
  )
  const seen = new Map<string, string[]>()
  for (const name of names) seen.set(name.toLowerCase(), [...(seen.get(name.toLowerCase()) ?? []), name])
  expect([...seen.values()].filter((same) => same.length > 1)).toEqual([])
  for (const name of names) expect(name).toMatch(/^\w+$/)
})
