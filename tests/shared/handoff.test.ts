import { describe, expect, it } from "vitest"
import { fileCommands, handoffCommands } from "../../shared/handoff-commands.js"
import { handoffSentence, type HandoffTerms, type HandoffWords } from "../../shared/handoff-sentence.js"

describe("the commands for a bot", () => {
  const at = (store: string, account = "default") =>
    handoffCommands("psp1card", { site: "example.com", account, store })

  it("trust the owner and restore the site, from the same store", () => {
    expect(at("file:///srv/sessions")).toEqual([
      "psp trust psp1card --store file:///srv/sessions",
      "psp restore example.com --store file:///srv/sessions --format playwright --out state.json",
    ])
  })

  it.each([
    ["redis://:…@cache.example:6379/0", "redis://cache.example:6379/0"],
    ["rediss://user:…@cache.example:6379/0?prefix=p", `"rediss://user@cache.example:6379/0?prefix=p"`],
    ["s3://bucket/p?region=x&pathStyle=1", `"s3://bucket/p?region=x&pathStyle=1"`],
    ["file:///my sessions", `"file:///my sessions"`],
  ])("name the store %s without the place of a password, as one word", (store, word) => {
    for (const line of at(store)) expect(line).toContain(` --store ${word}`)
    expect(at(store).join("\n")).not.toContain("…")
  })

  it.each([
    ["work", "work"],
    ["ada's; rm -rf ~", `"ada's; rm -rf ~"`],
    ["$(id)", "'$(id)'"],
    ["a'`b`", "'a'\\''`b`'"],
    ["two\nlines", "'two\\u000alines'"],
    ["=ls", `"=ls"`],
  ])("keep the account %j one word", (account, word) => {
    expect(at("memory:", account)[1]).toContain(` --account ${word} `)
    expect(at("memory:", account)[1].split("\n")).toHaveLength(1)
  })

  it("open a file where it lies", () => {
    expect(fileCommands("psp1card", "example.com.psp")).toEqual([
      "psp trust psp1card",
      "psp restore example.com.psp --format playwright --out state.json",
    ])
  })
})

describe("the sentence", () => {
  const words: HandoffWords = {
    account: (site, account) => `${site}#${account}`,
    others: (sites) => `+${sites}`,
    only: (kinds) => `[${kinds}]`,
    name: (kind, name) => `${kind} ${name}`,
    names: (first, more) => `${first.join("; ")} +${more}`,
    until: (ms) => `until ${ms}`,
    untilRevoked: () => "until revoked",
    saveBack: () => " and back",
    now: () => "now",
    nowAndLater: () => "now and later",
    whole: (name, where, what, until) => [name, where, what, until].join("|"),
  }
  const terms: HandoffTerms = {
    ...{ name: "ci-1", site: "example.com", account: "default", others: [] },
    ...{ kinds: "all", names: null, saveBack: false, expiresAt: null },
  }
  const say = (over: Partial<HandoffTerms> = {}) => handoffSentence(words, { ...terms, ...over })

  it("leaves out what is as usual", () => {
    expect(say()).toBe("ci-1|example.com|now and later|until revoked")
  })

  it("names the account, the other sites, the kinds, the end and the way back", () => {
    const over = { account: "work", others: ["idp.example", "b.example"], kinds: ["cookies", "localStorage"] as const }
    expect(say({ ...over, saveBack: true, expiresAt: 7 })).toBe(
      "ci-1|example.com#work+idp.example, b.example[cookies, localStorage]|now and later|until 7 and back",
    )
  })

  it("names chosen names in place of kinds, five of them, and counts the rest", () => {
    const names = ["cookies:sid", "localStorage:a:b"]
    expect(say({ kinds: ["cookies", "localStorage"], names })).toContain("[cookies sid; localStorage a:b +0]")
    const many = Array.from({ length: 12 }, (_, i) => `cookies:c${i}`)
    expect(say({ kinds: ["cookies"], names: many })).toContain("c3; cookies c4 +7]")
  })

  it("promises of a file nothing of later, and no way back", () => {
    expect(say({ isFile: true, saveBack: true, expiresAt: 7 })).toBe("ci-1|example.com|now|until 7")
  })
})
