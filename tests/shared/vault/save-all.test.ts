import { describe, expect, it } from "vitest"
import { readHeader } from "../../../shared/envelope.js"
import { PspError } from "../../../shared/errors.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault } from "../../../shared/vault.js"
import { parseRemembered } from "../../../shared/vault-memory.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { countRequests } from "./counting-provider.js"
import { bytesOf, createDevice, createMemory, namesIn, start, tokenOf } from "./devices.js"

async function countedVault(now = () => start) {
  const store = createMemoryProvider()
  const provider = countRequests(store)
  const [identity, memory] = [await createDevice("a"), createMemory()]
  let written = 0
  const counted = { ...memory, write: (text: string) => ((written += text.length), memory.write(text)) }
  const options = { identity, memory: counted, now }
  const vault = await openVault(provider, options)
  return { store, provider, vault, memory, options, written: () => written }
}

function entriesOf(sites: string[]): { snapshot: Snapshot }[] {
  return sites.map((site) => ({ snapshot: exampleSnapshot(site) }))
}

function sites(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `s${i}.example`)
}

describe("saving many sessions", () => {
  it("asks as much of the store for the hundredth site saved alone as for the second", async () => {
    const { provider, vault, memory } = await countedVault()
    const requests: number[] = []
    const remembered: number[] = []
    for (const site of sites(100)) {
      provider.reset()
      await vault.save(exampleSnapshot(site))
      requests.push(provider.total())
      remembered.push(parseRemembered(memory.text ?? "").merged.length)
    }
    // The members and the session; from the second site on also the members before.
    expect(requests).toEqual([2, ...Array.from({ length: 99 }, () => 3)])
    expect(Math.max(...remembered)).toBeLessThanOrEqual(2)
  })

  it("takes one put for each, and one of the members for a batch", async () => {
    const { store, provider, vault, options } = await countedVault()
    await vault.saveAll(entriesOf(sites(300)))
    expect(provider.counts).toMatchObject({ put: 300 + 3, get: 0, list: 0, remove: 2 })
    expect(await namesIn(store, `${vault.id}/members/`)).toHaveLength(1)
    const again = await openVault(store, options)
    expect(await again.list()).toHaveLength(300)
    expect(await again.load("s299.example")).toEqual(exampleSnapshot("s299.example"))
    expect((await again.verify()).defects).toEqual([])
  })

  it("puts and remembers bytes in proportion to the number of sites", async () => {
    const bytesFor = async (count: number) => {
      const { provider, vault, written } = await countedVault()
      let bytes = 0
      const put = provider.put.bind(provider)
      provider.put = (name, object, options) => ((bytes += object.length), put(name, object, options))
      await vault.saveAll(entriesOf(sites(count)))
      return bytes + written()
    }
    expect((await bytesFor(256)) / (await bytesFor(128))).toBeLessThan(3)
  })

  it("puts no members for sessions that are known already", async () => {
    const { provider, vault } = await countedVault()
    await vault.saveAll(entriesOf(sites(3)))
    provider.reset()
    await vault.saveAll(entriesOf(sites(3)))
    expect(provider.counts).toMatchObject({ put: 3, remove: 0 })
  })

  it("puts the members before the sessions that they name", async () => {
    const { provider, vault } = await countedVault()
    const rooms: string[] = []
    const put = provider.put.bind(provider)
    provider.put = (name, ...rest) => (rooms.push(name.split("/")[1] ?? ""), put(name, ...rest))
    await vault.saveAll(entriesOf(sites(3)))
    expect(rooms).toEqual(["members", "sessions", "sessions", "sessions"])
  })

  it("keeps the order of two saves of one session, each knowing of the one before", async () => {
    const { store, vault, options } = await countedVault()
    const tokens = ["one", "two", "three"]
    await vault.saveAll(tokens.map((token) => ({ snapshot: exampleSnapshot("example.com", "default", token) })))
    expect(tokenOf(await (await openVault(store, options)).load("example.com"))).toBe("three")
    const names = await namesIn(store, `${vault.id}/sessions/`)
    const headers = await Promise.all(names.map(async (name) => readHeader(await bytesOf(store, name))))
    const [first, second] = headers.map(({ headerId }) => headerId)
    expect(headers.map(({ header }) => Object.values(header.seen))).toEqual([[], [first], [second]])
  })

  it("remembers what it put before a failure, and nothing that it did not", async () => {
    const { store, provider, vault, options } = await countedVault()
    const put = provider.put.bind(provider)
    let puts = 0
    provider.put = async (...call) => {
      if (++puts > 4) throw new PspError("full", "No room")
      await put(...call)
    }
    const told: string[] = []
    const saving = vault.saveAll(entriesOf(sites(20)), { onSaved: ({ site }) => void told.push(site) })
    await expect(saving).rejects.toMatchObject({ code: "full" })
    expect(told.sort()).toEqual(["s0.example", "s1.example", "s2.example"])
    const again = await openVault(store, options)
    expect(tokenOf(await again.load("s1.example"))).toBe("canary-token")
    expect(await again.load("s9.example")).toBeNull()
    const [gone = ""] = (await namesIn(store, `${vault.id}/sessions/`)).filter((name) =>
      name.includes(again.known().find(({ site }) => site === "s2.example")?.sid ?? "?"),
    )
    await store.remove(gone)
    await expect(again.load("s2.example")).rejects.toMatchObject({ code: "rolled-back" })
    await again.saveAll(entriesOf(sites(20)))
    expect(tokenOf(await again.load("s9.example"))).toBe("canary-token")
  })

  it("shows a store that goes back behind it", async () => {
    const { store, vault, options } = await countedVault()
    await vault.saveAll(entriesOf(["example.com"]))
    const [first] = await namesIn(store, `${vault.id}/sessions/`)
    await vault.saveAll(entriesOf(["example.com"]))
    for (const name of await namesIn(store, `${vault.id}/sessions/`)) if (name !== first) await store.remove(name)
    const again = await openVault(store, options)
    await expect(again.load("example.com")).rejects.toMatchObject({ code: "rolled-back" })
  })

  it("does not stamp earlier than it did before it was ended in the middle", async () => {
    let now = start
    const { store, provider, vault, memory, options } = await countedVault(() => now)

    await vault.save(exampleSnapshot())
    let remembered = ""
    const put = provider.put.bind(provider)
    provider.put = async (...call) => {
      remembered = memory.text ?? ""
      await put(...call)
    }
    now += 60_000
    await vault.saveAll([{ snapshot: exampleSnapshot("example.com", "default", "before") }])
    const crashed = { ...createMemory(), text: remembered, read: () => Promise.resolve(remembered) }
    const again = await openVault(store, { ...options, memory: crashed, now: () => start + 30_000 })
    await again.save(exampleSnapshot("example.com", "default", "after"))
    expect(
      tokenOf(await (await openVault(store, { identity: options.identity, now: () => now })).load("example.com")),
    ).toBe("after")
  })

  it("is called off by its signal, after what is under way", async () => {
    const { vault } = await countedVault()
    const caller = new AbortController()
    let asked = 0
    function* entries() {
      for (const entry of entriesOf(sites(10))) {
        if (++asked === 3) caller.abort()
        yield entry
      }
    }
    await expect(vault.saveAll(entries(), { signal: caller.signal })).rejects.toThrow()
    expect(asked).toBe(3)
  })

  it("is refused to who is no owner", async () => {
    const { store, vault } = await countedVault()
    const stranger = await openVault(store, { identity: await createDevice("b"), owner: vault.card.text })
    await expect(stranger.saveAll(entriesOf(["example.com"]))).rejects.toMatchObject({ code: "not-owner" })
  })

  it("is how sessions are sealed to an owner that is added, with one put each", async () => {
    const { store, provider, vault, options } = await countedVault()
    await vault.saveAll(entriesOf(sites(5)))
    const added = await createDevice("b")
    provider.reset()
    await vault.addOwner(added.card)
    expect(provider.counts).toMatchObject({ put: 2 + 5, get: 5 })
    const theirs = await openVault(store, {
      ...options,
      identity: added,
      owner: vault.card.text,
      memory: createMemory(),
    })
    expect(await theirs.load("s4.example")).toEqual(exampleSnapshot("s4.example"))
  })
})
