import { readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { maxOffers, offersFolder, saveOffer } from "../../native-host/offers.js"
import { createCard, createIdentity, parseCard } from "../../shared/keys.js"
import { temporaryFolder } from "./bundle.js"

let home: string
beforeEach(async () => {
  home = await temporaryFolder()
})
afterEach(() => rm(home, { recursive: true, force: true }))

describe("offers", () => {
  it("keeps a card under its writer's id, readable by this user only", async () => {
    const card = await createCard(await createIdentity("Laptop"))
    await saveOffer(home, card)
    const path = join(offersFolder(home), `${(await parseCard(card)).writerId}.card`)
    expect(await readFile(path, "utf8")).toBe(`${card}\n`)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(offersFolder(home))).mode & 0o777).toBe(0o700)
  })

  it("replaces the older card of the same writer, and a link in its place instead of following it", async () => {
    const identity = await createIdentity("Laptop")
    await saveOffer(home, await createCard(identity))
    const [file = ""] = await readdir(offersFolder(home))
    await rm(join(offersFolder(home), file))
    await writeFile(join(home, "target"), "untouched")
    await symlink(join(home, "target"), join(offersFolder(home), file))
    const renamed = await createCard({ ...identity, name: "New laptop" })
    await saveOffer(home, renamed)
    expect(await readdir(offersFolder(home))).toEqual([file])
    expect(await readFile(join(offersFolder(home), file), "utf8")).toBe(`${renamed}\n`)
    expect(await readFile(join(home, "target"), "utf8")).toBe("untouched")
  })

  it("refuses a card with any one character changed or cut off, and keeps nothing", async () => {
    const card = await createCard(await createIdentity("Laptop"))
    const broken = Array.from({ length: 20 }, (_, i) => {
      const at = 5 + i * 11
      return card.slice(0, at) + (card[at] === "q" ? "p" : "q") + card.slice(at + 1)
    })
    for (const text of [...broken, card.slice(0, -1), "psp1", "other1qqqqqqqq"]) {
      await expect(saveOffer(home, text)).rejects.toMatchObject({ code: "bad-card" })
    }
    expect(await readdir(home)).toEqual([])
  })

  it(`keeps at most ${maxOffers}, says what to do, and still takes one that waits already`, async () => {
    const cards: string[] = []
    for (let i = 0; i < maxOffers; i++) cards.push(await createCard(await createIdentity(`Browser ${i}`)))
    for (const card of cards) await saveOffer(home, card)
    const oneMore = saveOffer(home, await createCard(await createIdentity("One more")))
    await expect(oneMore).rejects.toMatchObject({
      code: "full",
      message: expect.stringContaining("psp trust") as unknown,
    })
    await saveOffer(home, cards[0] ?? "")
    expect(await readdir(offersFolder(home))).toHaveLength(maxOffers)
  })
})
