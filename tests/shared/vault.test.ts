import { describe, expect, it } from "vitest"
import { createCard, createIdentity, type Identity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { openVault, type VaultMemory } from "../../shared/vault.js"
import { exampleSnapshot } from "./example-snapshot.js"

const start = 1_800_000_000_000
const day = 24 * 60 * 60 * 1000

function createMemory(): VaultMemory & { text: string | null } {
  const memory = {
    text: null as string | null,
    read: () => Promise.resolve(memory.text),
    write: (text: string) => {
      memory.text = text
      return Promise.resolve()
    },
  }
  return memory
}

async function names(provider: Provider, prefix = ""): Promise<string[]> {
  const found: string[] = []
  for await (const { name } of provider.list(prefix)) found.push(name)
  return found
}

async function device(name: string): Promise<Identity & { card: string }> {
  const identity = await createIdentity(name)
  return { ...identity, card: await createCard(identity) }
}

/** Everything that one provider holds now, in another. */
async function copy(provider: Provider): Promise<Provider> {
  const other = createMemoryProvider()
  for (const name of await names(provider)) await other.put(name, (await provider.get(name)) ?? new Uint8Array())
  return other
}

async function browserAndComputer() {
  const provider = createMemoryProvider()
  const [browser, computer] = [await device("browser"), await device("computer")]
  const browserVault = await openVault(provider, { identity: browser, memory: createMemory() })
  return { provider, browser, computer, browserVault }
}

describe("vault", () => {
  it("gives back what was saved, for each account of a site", async () => {
    const { provider, browser, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot())
    await browserVault.save(exampleSnapshot("example.com", "work & <b>", "other"))
    const again = await openVault(provider, { identity: browser })
    expect(await again.load("example.com")).toEqual(exampleSnapshot())
    expect(await again.load("example.com", { account: "work & <b>" })).toEqual(
      exampleSnapshot("example.com", "work & <b>", "other"),
    )
    expect(await again.load("example.com", { account: "nobody" })).toBeNull()
    expect(await again.load("example.org")).toBeNull()
  })

  it("loads the newest save, or the newest before a time", async () => {
    let now = start
    const vault = await openVault(createMemoryProvider(), { identity: await device("a"), now: () => now })
    for (const token of ["one", "two", "three"]) {
      await vault.save(exampleSnapshot("example.com", "default", token))
      now += 1000
    }
    const tokenAt = async (at?: number) =>
      (await vault.load("example.com", at === undefined ? {} : { at }))?.origins?.[0]?.localStorage?.[0]?.[1]
    expect(await tokenAt()).toBe("three")
    expect(await tokenAt(start + 1500)).toBe("two")
    expect(await tokenAt(start - 1)).toBeUndefined()
  })

  it("keeps the order of saves when the wall clock stands still or goes back", async () => {
    let now = start
    const vault = await openVault(createMemoryProvider(), { identity: await device("a"), now: () => now })
    await vault.save(exampleSnapshot("example.com", "default", "one"))
    now -= 60_000
    await vault.save(exampleSnapshot("example.com", "default", "two"))
    expect((await vault.load("example.com"))?.origins?.[0]?.localStorage?.[0]?.[1]).toBe("two")
  })

  it("shows the store no site, account, name or value", async () => {
    const { provider, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot("example.com", "secret-account"))
    for (const name of await names(provider)) {
      const text = name + new TextDecoder().decode((await provider.get(name)) ?? new Uint8Array())
      for (const canary of ["example", "secret-account", "canary", "token", "browser"])
        expect(text).not.toContain(canary)
    }
  })

  it("belongs to the browser and the trusted computer together, earlier saves included", async () => {
    const { provider, browser, computer, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot())
    await browserVault.addOwner(computer.card)
    await browserVault.save(exampleSnapshot("second.example"))

    const computerVault = await openVault(provider, { identity: computer, owner: browser.card, memory: createMemory() })
    expect(await computerVault.load("example.com")).toEqual(exampleSnapshot())
    expect((await computerVault.list()).map(({ site }) => site)).toEqual(["example.com", "second.example"])
    expect(computerVault.isOwner).toBe(true)

    await computerVault.save(exampleSnapshot("third.example"))
    expect(await browserVault.load("third.example")).toEqual(exampleSnapshot("third.example"))
  })

  it("lets the computer adopt a second browser, which then knows the first one too", async () => {
    const { provider, browser, computer, browserVault } = await browserAndComputer()
    await browserVault.addOwner(computer.card)
    const computerVault = await openVault(provider, { identity: computer, owner: browser.card, memory: createMemory() })
    await computerVault.refresh()
    const second = await device("second browser")
    await computerVault.addOwner(second.card)

    const adopted = await openVault(provider, { identity: second, owner: computerVault.card.text })
    await browserVault.save(exampleSnapshot())
    await browserVault.refresh()
    await browserVault.save(exampleSnapshot())
    expect(await adopted.load("example.com")).toEqual(exampleSnapshot())
    expect(
      adopted
        .owners()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["browser", "computer", "second browser"])
  })

  it("keeps both sessions when two owners add one at the same moment", async () => {
    const { provider, browser, computer, browserVault } = await browserAndComputer()
    await browserVault.addOwner(computer.card)
    const computerVault = await openVault(provider, { identity: computer, owner: browser.card, memory: createMemory() })
    await computerVault.refresh()
    const [a, b] = [
      await browserVault.prepare(exampleSnapshot("a.example")),
      await computerVault.prepare(exampleSnapshot("b.example")),
    ]
    await browserVault.commit(a)
    await computerVault.commit(b)
    for (const vault of [browserVault, computerVault]) {
      expect((await vault.list()).map(({ site }) => site)).toEqual(["a.example", "b.example"])
    }
  })

  it("is closed to whoever was not added, and says nothing is there", async () => {
    const { provider, browser, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot())
    const stranger = await device("stranger")
    const vault = await openVault(provider, { identity: stranger, owner: browser.card })
    expect(await vault.load("example.com")).toBeNull()
    await expect(vault.save(exampleSnapshot())).rejects.toMatchObject({ code: "not-owner" })
    await expect(vault.addOwner(stranger.card)).rejects.toMatchObject({ code: "not-owner" })
  })

  it("ignores a member and a base that a stranger wrote into the store", async () => {
    const { provider, browser, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot())
    const stranger = { ...(await device("stranger")), vault: browserVault.id }
    // A vault of the stranger's own making under the same id, with the victim as an owner.
    const forged = await openVault(provider, { identity: stranger })
    await forged.addOwner(browser.card)
    await forged.save(exampleSnapshot("example.com", "default", "planted"))
    await forged.save(exampleSnapshot("planted.example"))
    const again = await openVault(provider, { identity: browser })
    expect((await again.list()).map(({ site }) => site)).toEqual(["example.com"])
    expect(await again.load("example.com")).toEqual(exampleSnapshot())
    expect((await again.verify()).defects.map(({ code }) => code)).toContain("unknown-writer")
  })

  it("refuses a changed owner card", async () => {
    const { provider, browser, computer, browserVault } = await browserAndComputer()
    await browserVault.addOwner(computer.card)
    const memory = createMemory()
    await (await openVault(provider, { identity: computer, owner: browser.card, memory })).refresh()
    const impostor = { ...(await device("browser")), vault: browserVault.id }
    await expect(
      openVault(provider, { identity: computer, owner: await createCard(impostor), memory }),
    ).rejects.toMatchObject({ code: "card-changed" })
  })

  it("forgets a session everywhere, and a later save brings it back", async () => {
    const { provider, browser, computer, browserVault } = await browserAndComputer()
    await browserVault.addOwner(computer.card)
    const computerVault = await openVault(provider, { identity: computer, owner: browser.card, memory: createMemory() })
    await browserVault.save(exampleSnapshot())
    expect(await computerVault.load("example.com")).not.toBeNull()
    expect((await browserVault.remove("example.com")).removed).toBeGreaterThan(0)
    expect(await computerVault.load("example.com")).toBeNull()
    expect(await computerVault.list()).toEqual([])
    expect(await names(provider, `${browserVault.id}/sessions/`)).toEqual([])
    await browserVault.save(exampleSnapshot("example.com", "default", "again"))
    expect(await computerVault.load("example.com")).toEqual(exampleSnapshot("example.com", "default", "again"))
    expect(await browserVault.remove("never.example")).toEqual({ removed: 0 })
  })

  it("tells a store that goes back in time", async () => {
    let now = start
    const identity = await device("a")
    const memory = createMemory()
    const provider = createMemoryProvider()
    const vault = await openVault(provider, { identity, memory, now: () => now })
    await vault.save(exampleSnapshot("example.com", "default", "old"))
    const before = await copy(provider)
    now += 60_000
    await vault.save(exampleSnapshot("example.com", "default", "new"))

    const reopened = await openVault(before, { identity, memory, now: () => now })
    await expect(reopened.load("example.com")).rejects.toMatchObject({ code: "rolled-back" })
    expect((await reopened.verify()).defects.map(({ code }) => code)).toEqual(["rolled-back"])
    expect(await reopened.load("example.com", { at: now })).not.toBeNull()
    const emptied = await openVault(createMemoryProvider(), { identity, memory, now: () => now })
    await expect(emptied.load("example.com")).rejects.toMatchObject({ code: "rolled-back" })
  })

  it("does not take a save that is still waiting to be put for a rollback", async () => {
    const vault = await openVault(createMemoryProvider(), { identity: await device("a"), memory: createMemory() })
    await vault.save(exampleSnapshot("example.com", "default", "stored"))
    const waiting = await vault.prepare(exampleSnapshot("example.com", "default", "waiting"))
    expect((await vault.load("example.com"))?.origins?.[0]?.localStorage?.[0]?.[1]).toBe("stored")
    await vault.commit(waiting)
    await vault.commit(waiting)
    expect((await vault.load("example.com"))?.origins?.[0]?.localStorage?.[0]?.[1]).toBe("waiting")
  })

  it("writes the members again when the first attempt never reached the store", async () => {
    const { provider, browser, browserVault } = await browserAndComputer()
    await browserVault.prepare(exampleSnapshot())
    await browserVault.save(exampleSnapshot())
    expect(await (await openVault(provider, { identity: browser })).load("example.com")).toEqual(exampleSnapshot())
  })

  it("keeps only the newest member envelope of each writer", async () => {
    const { provider, browserVault } = await browserAndComputer()
    for (let i = 0; i < 5; i++) await browserVault.save(exampleSnapshot(`site${i}.example`))
    expect(await names(provider, `${browserVault.id}/members/`)).toHaveLength(1)
  })

  it("does not open a session after its end, and says so", async () => {
    let now = start
    const vault = await openVault(createMemoryProvider(), { identity: await device("a"), now: () => now })
    await vault.save(exampleSnapshot(), { expiresAt: start + day })
    now += day - 1
    expect(await vault.load("example.com")).not.toBeNull()
    expect((await vault.list({ details: true }))[0]).toMatchObject({
      savedAt: start,
      expiresAt: start + day,
      objects: 1,
    })
    now += 1
    await expect(vault.load("example.com")).rejects.toMatchObject({ code: "expired" })
    expect(await vault.verify()).toMatchObject({ expired: 1, defects: [] })
  })

  it("exports a session to one card, which opens it without the store", async () => {
    const { computer, browser, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot())
    const file = await browserVault.exportTo(computer.card, "example.com")
    const elsewhere = await openVault(createMemoryProvider(), { identity: computer, owner: browser.card })
    expect(await elsewhere.openFile(file)).toMatchObject({ site: "example.com", snapshot: exampleSnapshot() })
    const stranger = await openVault(createMemoryProvider(), { identity: await device("x"), owner: browser.card })
    await expect(stranger.openFile(file)).rejects.toMatchObject({ code: "not-for-me" })
    const distrusting = await openVault(createMemoryProvider(), { identity: computer })
    await expect(distrusting.openFile(file)).rejects.toMatchObject({ code: "not-trusted" })
    await expect(browserVault.exportTo(computer.card, "never.example")).rejects.toMatchObject({ code: "not-found" })
    await expect(browserVault.exportTo("psp1qqq", "example.com")).rejects.toMatchObject({ code: "bad-card" })
  })

  it("takes an exported file of its own back", async () => {
    const { provider, computer, browserVault } = await browserAndComputer()
    await browserVault.save(exampleSnapshot())
    const file = await browserVault.exportTo(computer.card, "example.com")
    await browserVault.remove("example.com")
    await browserVault.importFile(file)
    expect(await browserVault.load("example.com")).toEqual(exampleSnapshot())
    expect((await browserVault.verify()).defects).toEqual([])
    const other = await openVault(provider, { identity: await device("other") })
    await expect(other.importFile(file)).rejects.toMatchObject({ code: "not-trusted" })
  })

  it("names every damaged, swapped and foreign object when it verifies, and none in a sound store", async () => {
    const { provider, browser, browserVault } = await browserAndComputer()
    for (let i = 0; i < 4; i++) await browserVault.save(exampleSnapshot(`site${i}.example`))
    expect(await browserVault.verify()).toMatchObject({ checked: 5, defects: [] })

    const [first = "", second = "", third = ""] = await names(provider, `${browserVault.id}/sessions/`)
    const bytesOf = async (name: string) => (await provider.get(name)) ?? new Uint8Array()
    const [one, two, three] = [await bytesOf(first), await bytesOf(second), await bytesOf(third)]
    for (const name of [first, second, third]) await provider.remove(name)
    await provider.put(first, two)
    await provider.put(second, one)
    await provider.put(third, three.slice(0, -100))
    await provider.put(`${browserVault.id}/sessions/extra`, one)
    const again = await openVault(provider, { identity: browser })
    const report = await again.verify()
    expect(report.defects.map(({ name }) => name).sort()).toEqual(
      [first, second, third, `${browserVault.id}/sessions/extra`].sort(),
    )
  })

  it("refuses a damaged newest save rather than loading an older one in silence", async () => {
    let now = start
    const provider = createMemoryProvider()
    const vault = await openVault(provider, { identity: await device("a"), now: () => now })
    await vault.save(exampleSnapshot())
    now += 1000
    await vault.save(exampleSnapshot())
    const newest = (await names(provider, `${vault.id}/sessions/`)).at(-1) ?? ""
    const bytes = (await provider.get(newest)) ?? new Uint8Array()
    await provider.remove(newest)
    await provider.put(newest, bytes.slice(0, -1))
    await expect(vault.load("example.com")).rejects.toMatchObject({ code: "damaged" })
    expect(await vault.load("example.com", { at: start + 500 })).not.toBeNull()
  })

  it("seals without the store, also the first time", async () => {
    const away: Provider = {
      put: () => Promise.reject(new Error("away")),
      get: () => Promise.reject(new Error("away")),
      list: () => {
        throw new Error("away")
      },
      remove: () => Promise.reject(new Error("away")),
    }
    const memory = createMemory()
    const identity = await device("a")
    const offline = await openVault(away, { identity, memory })
    const waiting = structuredClone(await offline.prepare(exampleSnapshot()))
    const provider = createMemoryProvider()
    const online = await openVault(provider, { identity, memory })
    await online.commit(waiting)
    expect(await online.load("example.com")).toEqual(exampleSnapshot())
  })

  it("refuses an identity that owns no vault and trusts nobody", async () => {
    const identity = { ...(await device("bot")), vault: null }
    await expect(openVault(createMemoryProvider(), { identity })).rejects.toMatchObject({ code: "bad-identity" })
  })

  it("refuses a memory that somebody changed", async () => {
    const memory = createMemory()
    const identity = await device("a")
    await (await openVault(createMemoryProvider(), { identity, memory })).save(exampleSnapshot())
    memory.text = memory.text?.replace('"marks"', '"marx"') ?? null
    await expect(openVault(createMemoryProvider(), { identity, memory })).rejects.toMatchObject({ code: "damaged" })
  })
})
