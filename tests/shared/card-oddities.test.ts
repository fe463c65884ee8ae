import { describe, expect, it } from "vitest"
import { isRefused, odditiesOf, type KnownCards } from "../../shared/card-oddities.js"
import { createCard, createIdentity, parseCard, type Card, type Identity } from "../../shared/keys.js"
import { looksAlike, nameOddities } from "../../shared/look-alike.js"

const cardOf = async (identity: Identity): Promise<Card> => parseCard(await createCard(identity))
const codesOf = (card: Card, known: KnownCards, owns = false) => odditiesOf(card, known, owns).map(({ code }) => code)

async function knownCards() {
  const [laptop, bot] = [await createIdentity("laptop"), await createIdentity("ci-1")]
  return { laptop, bot, known: { owners: [await cardOf(laptop)], bots: [await cardOf(bot)] } }
}

describe("a card", () => {
  it("of a new bot, and of one that is known by that name, has nothing odd", async () => {
    const { bot, known } = await knownCards()
    expect(codesOf(await cardOf(await createIdentity("build server")), known)).toEqual([])
    expect(codesOf(await cardOf(bot), known)).toEqual([])
  })

  it("of an owner device is refused, whichever of its names it carries", async () => {
    const { laptop, known } = await knownCards()
    expect(isRefused(odditiesOf(await cardOf(laptop), known, true))).toBe(true)
    expect(isRefused(odditiesOf(await cardOf({ ...laptop, name: "ci-2" }), known, false))).toBe(true)
    expect(codesOf(await cardOf({ ...laptop, name: "ci-2" }), known)).toEqual(["owner-device", "known-as"])
  })

  it("of somebody who keeps sessions of their own in this store says so, and is not refused", async () => {
    const { known } = await knownCards()
    const oddities = odditiesOf(await cardOf(await createIdentity("Ada's desk")), known, true)
    expect(oddities).toEqual([{ code: "other-owner" }])
    expect(isRefused(oddities)).toBe(false)
  })

  it("of a bot that is known under another name says under which", async () => {
    const { bot, known } = await knownCards()
    const { fingerprint } = known.bots[0] ?? (await cardOf(bot))
    const oddities = odditiesOf(await cardOf({ ...bot, name: "new one" }), known, false)
    expect(oddities).toEqual([{ code: "known-as", name: "ci-1", fingerprint }])
  })

  it("that has one of its two keys from a known bot says so", async () => {
    const { bot, known } = await knownCards()
    const other = await createIdentity("ci-9")
    expect(codesOf(await cardOf({ ...other, age: bot.age }), known)).toEqual(["half-known"])
    expect(codesOf(await cardOf({ ...other, writer: bot.writer }), known)).toEqual(["half-known"])
  })

  it.each([
    ["ci-1", ["same-name"]],
    ["CI-1", ["look-alike"]],
    ["ci-l", ["look-alike"]],
    ["ci‐1", ["look-alike"]],
    ["сі-1", ["look-alike"]],
    ["cі-1", ["look-alike", "mixed-scripts"]],
    ["ci-\u200b1", ["look-alike", "invisible"]],
    ["ci 1", ["look-alike"]],
    ["Laptop", ["look-alike"]],
    ["ci-2", []],
  ])("named %j beside ci-1 and laptop has %j", async (name, codes) => {
    const { known } = await knownCards()
    expect(codesOf(await cardOf(await createIdentity(name)), known)).toEqual(codes)
  })
})

describe("names", () => {
  it.each([
    ["modern", "rnodern"],
    ["GitHub bot", "github‑bot"],
    ["paypal", "раураӏ"],
    ["Ωmega", "ωMEGA"],
    ["ｃｉ-1", "ci-1"],
    ["café", "cafe"],
  ])("%s and %s look alike", (one, other) => {
    expect(looksAlike(one, other)).toBe(true)
  })

  it.each([
    ["ci-1", "ci-2"],
    ["laptop", "desktop"],
    ["бот", "bot"],
    ["日本", "日木"],
  ])("%s and %s do not", (one, other) => {
    expect(looksAlike(one, other)).toBe(false)
  })

  it.each(["ci-1", "Müllers Rechner", "сервер-1", "ビルド機 漢字", "ада 2"])("%s is written in one way", (name) => {
    expect(nameOddities(name)).toEqual([])
  })
})
