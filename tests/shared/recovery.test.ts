import { describe, expect, it } from "vitest"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import { createCard, createIdentity, identityToText, parseCard } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { createRecovery, recoveryFromWords } from "../../shared/recovery.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { ownWordOnly, vaultsTo } from "../../shared/vault/recovery.js"
import { exampleSnapshot } from "./example-snapshot.js"
import { createDevice, createMemory, day, namesIn, start, tokenOf } from "./vault/devices.js"

describe("recovery words", () => {
  it("make the same identity again, whatever parts them, on every device and version", async () => {
    const { words, identity } = createRecovery(new Uint8Array(32).fill(7))
    expect(words).toHaveLength(24)
    for (const text of [
      words.join(" "),
      ` ${words.join("\n").toUpperCase()}\n`,
      words.map((w, at) => `${at + 1}. ${w}`).join(", "),
    ]) {
      expect(recoveryFromWords(text)).toEqual(identity)
    }
    const { fingerprint } = await parseCard(await createCard(identity))
    expect(fingerprint).toMatchInlineSnapshot(`"gas jelly snow damp clown will"`)
    expect(createRecovery().words).not.toEqual(words)
  })

  it("that are wrong are refused by their place, and never repeated", () => {
    const { words } = createRecovery()
    const secret = words.join(" ")
    const refusals: [string, RegExp][] = [
      [words.with(6, "canary").join(" "), /word 7 is not in the list/],
      [words.with(0, "canary").with(23, "bogus").join(" "), /words 1, 24 are not in the list/],
      [words.slice(1).join(" "), /expected 24 words, got 23/],
      ["", /expected 24 words, got 0/],
      [words.with(3, wordlist[(wordlist.indexOf(words[3] ?? "") + 1) % 2048] ?? "").join(" "), /do not fit together/],
    ]
    for (const [text, why] of refusals) {
      try {
        // One in 256 wrong words fits by chance: then the checksum says nothing.
        recoveryFromWords(text)
      } catch (error) {
        expect(error).toMatchObject({ code: "bad-identity", message: expect.stringMatching(why) as string })
        const { message } = error as Error
        expect(message).not.toContain("bogus")
        expect(message).not.toContain("canary")
        for (const word of words.slice(0, 3)) expect(message).not.toContain(` ${word} `)
      }
    }
    expect(secret).not.toBe("")
  })
})

describe("a recovery identity", () => {
  const open = async (provider: Provider, words: string[], now = start): Promise<Vault> => {
    const recovery = recoveryFromWords(words.join(" "))
    const [id = ""] = await vaultsTo(provider, recovery)
    const memory = await ownWordOnly(recovery, id)
    const vault = await openVault(provider, { identity: { ...recovery, vault: id }, memory, now: () => now })
    await vault.refresh()
    return vault
  }

  it("opens what is saved later, and makes a new machine an owner when all others are lost", async () => {
    const provider = createMemoryProvider()
    const lost = await createDevice("lost")
    const memory = createMemory()
    const vault = await openVault(provider, { identity: lost, memory, now: () => start })
    await vault.save(exampleSnapshot("example.com", "default", "one"))
    const { words, identity } = createRecovery()
    await vault.addRecovery(identity)
    await vault.save(exampleSnapshot("example.com", "default", "two"))
    await vault.save(exampleSnapshot("other.example"))
    const paper = await open(provider, words)
    expect(paper.isOwner).toBe(true)
    expect((await paper.list()).map(({ site }) => site)).toEqual(["example.com", "other.example"])
    const fresh = await createDevice("fresh")
    await paper.addOwner(fresh.card)
    await paper.renewRecovery(identity)
    const now = await openVault(provider, {
      identity: fresh,
      owner: paper.card.text,
      memory: createMemory(),
      now: () => start,
    })
    expect(tokenOf(await now.load("example.com"))).toBe("two")
    await now.removeOwner("lost")
    await now.save(exampleSnapshot("example.com", "default", "three"))
    // It never heard of who removed it, so nobody can tell it why.
    await expect(vault.load("example.com")).rejects.toMatchObject({ code: "rolled-back" })
    // And once more, after everything else that it was told has ended and was compacted.
    await now.compact()
    expect(
      (await open(provider, words, start + 20 * day))
        .owners()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["fresh", "recovery"])
    expect(tokenOf(await (await open(provider, words, start + 20 * day)).load("example.com"))).toBe("three")
    expect((await open(provider, words, start + 9000 * day)).isOwner).toBe(true)
    expect((await now.verify()).defects).toEqual([])
  })

  it("believes nobody but itself: a store that plants another vault for it has nothing", async () => {
    const provider = createMemoryProvider()
    const { words, identity } = createRecovery()
    // Whoever knows its card can seal to it, and name it an owner of whatever.
    const liar = await createIdentity("liar")
    const planted = await openVault(provider, { identity: liar, now: () => start })
    await planted.addOwner(await createCard({ ...identity, vault: planted.id }))
    await planted.save(exampleSnapshot("example.com", "default", "planted"))
    const paper = await open(provider, words)
    expect(paper.isOwner).toBe(false)
    expect(await paper.load("example.com")).toBeNull()
  })

  it("is nowhere in the store but as a card, and opens nothing once it is removed", async () => {
    const provider = createMemoryProvider()
    const vault = await openVault(provider, {
      identity: await createIdentity("laptop"),
      memory: createMemory(),
      now: () => start,
    })
    const { words, identity } = createRecovery()
    await vault.addRecovery(identity)
    await vault.removeOwner("recovery")
    expect((await open(provider, words)).isOwner).toBe(false)
    expect(identityToText(identity)).toMatch(/^PSP-IDENTITY-1/)
    const folder = `/members/${(await parseCard(await createCard(identity))).recipientId}/`
    expect((await namesIn(provider)).filter((name) => name.includes(folder))).toHaveLength(1)
  })
})
