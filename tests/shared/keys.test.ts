import { describe, expect, it } from "vitest"
import { createCard, createIdentity, identityToText, parseCard, parseIdentity } from "../../shared/keys.js"

describe("identity", () => {
  it("comes back from its one line of text", async () => {
    const identity = await createIdentity("laptop")
    expect(parseIdentity(`${identityToText(identity)}\n`)).toEqual(identity)
    expect(parseIdentity(identityToText({ ...identity, vault: null })).vault).toBeNull()
  })

  it("that is damaged, cut off or something else is refused without repeating it", async () => {
    const text = identityToText(await createIdentity("laptop"))
    const damaged = [
      text.slice(0, -1),
      text.replace(/.$/, (last) => (last === "Q" ? "P" : "Q")),
      text.toLowerCase(),
      text.replace(/[A-Z](?=[^A-Z]*$)/, (last) => last.toLowerCase()),
      "AGE-SECRET-KEY-1QQ",
      "",
      `${text} ${text}`,
    ]
    for (const bad of damaged) {
      expect(() => parseIdentity(bad)).toThrow(expect.objectContaining({ code: "bad-identity" }))
      expect(() => parseIdentity(bad)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining(text.slice(20, 40)) as string }),
      )
    }
  })

  it("needs a name that cannot pass for another", async () => {
    for (const name of ["", "   ", "x".repeat(65), "a\nb", "abc\u202edef", "a\u0000"]) {
      await expect(createIdentity(name)).rejects.toMatchObject({ code: "usage" })
    }
    expect((await createIdentity("  Küche 🦊 ")).name).toBe("Küche 🦊")
  })
})

describe("card", () => {
  it("carries name, recipient, writer and vault, and no secret", async () => {
    const identity = await createIdentity("ci-1")
    const card = await parseCard(await createCard(identity))
    expect(card).toMatchObject({ name: "ci-1", vault: identity.vault })
    expect(card.recipient).toMatch(/^age1/)
    expect(card.recipientId).toMatch(/^[0-9a-f]{32}$/)
    expect(card.fingerprint.split(" ")).toHaveLength(6)
    expect(card.text).not.toContain(identity.age.toLowerCase().slice(16, 40))
  })

  it("has the same fingerprint whatever name and vault it shows", async () => {
    const identity = await createIdentity("ci-1")
    const one = await parseCard(await createCard(identity))
    const other = await parseCard(await createCard({ ...identity, name: "laptop", vault: null }))
    expect(other.fingerprint).toBe(one.fingerprint)
    expect((await parseCard(await createCard(await createIdentity("ci-1")))).fingerprint).not.toBe(one.fingerprint)
  })

  it("with any letter changed is refused", async () => {
    const text = await createCard(await createIdentity("ci-1"))
    for (let i = 0; i < text.length; i += 7) {
      const changed = text.slice(0, i) + (text[i] === "q" ? "p" : "q") + text.slice(i + 1)
      await expect(parseCard(changed)).rejects.toMatchObject({ code: "bad-card" })
    }
    await expect(parseCard(text.toUpperCase())).rejects.toMatchObject({ code: "bad-card" })
    await expect(parseCard("")).rejects.toMatchObject({ code: "bad-card" })
  })

  it("is refused when its recipient was exchanged and the checksum made anew", async () => {
    const { bech32 } = await import("@scure/base")
    const victim = bech32.decode((await createCard(await createIdentity("owner"))) as `psp1${string}`, false)
    const attacker = bech32.decode((await createCard(await createIdentity("owner"))) as `psp1${string}`, false)
    const forged = bech32.fromWords(victim.words)
    forged.set(bech32.fromWords(attacker.words).subarray(33, 65), 33)
    const text = bech32.encode("psp", bech32.toWords(forged), false)
    await expect(parseCard(text)).rejects.toMatchObject({ code: "bad-card" })
  })
})
