import { beforeEach, describe, expect, it } from "vitest"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault, type Vault } from "../../../shared/vault.js"
import { isPartName } from "../../../shared/vault/parts.js"
import { exampleSnapshot } from "../example-snapshot.js"
import {
  bytesOf,
  copyOf,
  createDevice,
  createMemory,
  createTwoOwners,
  day,
  minute,
  namesIn,
  overwrite,
  start,
  tokenOf,
} from "./devices.js"

const saveOf = (token: string) => exampleSnapshot("example.com", "default", token)
const none = { bases: 0, members: 0, parts: 0, ofRemoved: 0 }

/** Answers so many changing calls, then the process is gone. */
function dieAfter(provider: Provider, changes: number): Provider {
  let left = changes
  const spend = () => {
    if (left-- <= 0) throw new Error("gone")
  }
  return {
    ...provider,
    put: async (...call) => {
      spend()
      await provider.put(...call)
    },
    remove: async (...call) => {
      spend()
      await provider.remove(...call)
    },
  }
}

describe("compaction of one device's vault", () => {
  let provider: Provider
  let vault: Vault
  let now: number
  const bases = async () => (await namesIn(provider, `${vault.id}/sessions/`)).length

  beforeEach(async () => {
    now = start
    provider = createMemoryProvider()
    vault = await openVault(provider, { identity: await createDevice("a"), memory: createMemory(), now: () => now })
  })

  it("keeps the last ten saves and those of a week, and the newest state", async () => {
    for (let i = 0; i < 30; i++) {
      await vault.save(saveOf(`${i}`), { expiresAt: start + 400 * day })
      now += day
    }
    const report = await vault.compact()
    expect(report).toMatchObject({ removed: { ...none, bases: 20 }, written: 0, kept: 11, skipped: [] })
    expect(report.bytes).toBeGreaterThan(0)
    expect(tokenOf(await vault.load("example.com"))).toBe("29")
    expect(tokenOf(await vault.load("example.com", { at: start + 20 * day }))).toBe("20")
    expect(await vault.compact({ keep: { bases: 1 } })).toMatchObject({ removed: { ...none, bases: 2 } })
    expect(await vault.compact({ keep: { bases: 0, ms: 0 } })).toMatchObject({ removed: { ...none, bases: 7 } })
    expect(await bases()).toBe(1)
    expect(tokenOf(await vault.load("example.com"))).toBe("29")
    expect(await vault.verify()).toMatchObject({ defects: [] })
  })

  it("keeps fifty saves of one week", async () => {
    for (let i = 0; i < 50; i++) {
      await vault.save(saveOf(`${i}`))
      now += minute
    }
    expect(await vault.compact()).toMatchObject({ removed: none })
    expect(await bases()).toBe(50)
  })

  it("never removes the newest state, not even one that has ended", async () => {
    await vault.save(saveOf("one"), { expiresAt: start + day })
    now += 365 * day
    expect(await vault.compact({ keep: { bases: 0, ms: 0 } })).toMatchObject({ removed: none })
    expect(await bases()).toBe(1)
  })

  it("reads no envelope of a session that has nothing to remove", async () => {
    for (let i = 0; i < 5; i++) await vault.save(exampleSnapshot(`site${i}.example`))
    let gets = 0
    const counted = { ...provider, get: (name: string) => (gets++, provider.get(name)) }
    const other = await openVault(counted, {
      identity: { ...(await createDevice("b")) },
      owner: vault.card.text,
      now: () => now,
    })
    await expect(other.compact()).rejects.toMatchObject({ code: "not-owner" })
    expect(gets).toBe(0)
    expect(await vault.compact()).toMatchObject({ removed: none, kept: 6 })
  })

  it("finishes a removal that broke off, and leaves what was saved after it", async () => {
    await vault.save(saveOf("one"))
    const left = (await namesIn(provider, `${vault.id}/sessions/`))[0] ?? ""
    const bytes = await bytesOf(provider, left)
    now += minute
    await vault.remove("example.com")
    await provider.put(left, bytes)
    expect(await vault.verify()).toMatchObject({ unneeded: 1, defects: [] })
    expect(await vault.compact()).toMatchObject({ removed: { ...none, ofRemoved: 1 } })
    expect(await bases()).toBe(0)
  })

  it("removes parts that no save names once they are a day old", async () => {
    const small: Provider = { ...provider, maxObjectBytes: 4096 }
    const memory = createMemory()
    const identity = await createDevice("b")
    const dying = await openVault(dieAfter(small, 4), { identity, memory, now: () => now })
    await expect(dying.save(saveOf("x".repeat(9000)))).rejects.toThrow("gone")
    const other = await openVault(small, { identity, memory, now: () => now })
    const parts = async () => (await namesIn(provider)).filter(isPartName).length
    expect(await parts()).toBe(3)
    now += 23 * 60 * minute
    await other.save(exampleSnapshot("other.example"))
    expect(await other.compact()).toMatchObject({ removed: none })
    now += 2 * 60 * minute
    await other.save(exampleSnapshot("other.example"))
    expect(await other.compact()).toMatchObject({ removed: { ...none, parts: 3 } })
    expect(await parts()).toBe(0)
  })

  it("removes the parts of an old save with it, and no others", async () => {
    const small: Provider = { ...provider, maxObjectBytes: 4096 }
    const other = await openVault(small, { identity: await createDevice("b"), now: () => now })
    for (const token of ["1", "2", "3"]) {
      await other.save(saveOf(token.padEnd(9000, ".")))
      now += day
    }
    const report = await other.compact({ keep: { bases: 1, ms: 0 } })
    expect(report.removed.bases).toBe(2)
    expect(report.removed.parts).toBeGreaterThan(4)
    expect(await other.verify()).toMatchObject({ defects: [], unneeded: 0 })
    expect(tokenOf(await other.load("example.com"))).toMatch(/^3/)
  })

  it("does not lose a large save that waited for days and goes out while it runs", async () => {
    const small: Provider = { ...provider, maxObjectBytes: 4096 }
    const other = await openVault(small, { identity: await createDevice("b"), memory: createMemory(), now: () => now })
    const waiting = await other.prepare(saveOf("x".repeat(9000)))
    now += 3 * day
    await other.save(exampleSnapshot("other.example"))
    // Each part is swept as soon as it is put, and the last one while its list is.
    const sweeping: Provider = {
      ...small,
      put: async (name, bytes, options) => {
        if (name.includes("/sessions/") && !isPartName(name)) await other.compact()
        await small.put(name, bytes, options)
      },
    }
    const sender = await openVault(sweeping, { identity: await createDevice("b"), now: () => now })
    await sender.commit(waiting)
    expect(tokenOf(await other.load("example.com"))).toBe("x".repeat(9000))
  })

  it("leaves and names what it cannot judge", async () => {
    for (let i = 0; i < 4; i++) {
      await vault.save(saveOf(`${i}`))
      now += day
    }
    const names = await namesIn(provider, `${vault.id}/sessions/`)
    await overwrite(provider, names[1] ?? "", new Uint8Array(3))
    const report = await vault.compact({ keep: { bases: 1, ms: 0 } })
    expect(report.skipped).toMatchObject([{ name: names[1], code: "damaged" }])
    expect(await namesIn(provider, `${vault.id}/sessions/`)).toEqual([names[1], names[3]])
  })

  it("stops when it is called off", async () => {
    await vault.save(saveOf("one"))
    await expect(vault.compact({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" })
  })

  it("tells how far it is", async () => {
    for (let i = 0; i < 3; i++) await vault.save(exampleSnapshot(`site${i}.example`))
    const told: string[] = []
    await vault.compact({ onProgress: ({ done, total }) => told.push(`${done}/${total}`) })
    expect(told).toEqual(["0/4", "1/4", "2/4", "3/4", "4/4"])
  })
})

describe("compaction of two owners' vault", () => {
  let provider: Provider
  let a: Vault
  let b: Vault
  let now: number
  let beforePut: () => Promise<void>

  beforeEach(async () => {
    now = start
    beforePut = () => Promise.resolve()
    provider = createMemoryProvider()
    const watched: Provider = {
      ...provider,
      put: async (...call) => {
        await beforePut()
        await provider.put(...call)
      },
    }
    // One clock is ahead, as far as clocks may be.
    ;[a, b] = await createTwoOwners(watched, [() => now + 4 * minute, () => now])
    // Neither ever loads what the other saved, so no base has seen the other's.
    for (let i = 0; i < 6; i++) {
      await a.save(saveOf(`a${i}`), { expiresAt: start + 100 * day })
      now += day
      await b.refresh()
      await b.save(saveOf(`b${i}`), { expiresAt: start + 100 * day })
      now += day
    }
  })
  const sessions = () => namesIn(provider, `${a.id}/sessions/`)

  it("first writes a base that has seen what nothing else has seen", async () => {
    const report = await a.compact({ keep: { bases: 1, ms: 0 } })
    expect(report).toMatchObject({ removed: { bases: 11 }, written: 1 })
    expect(tokenOf(await a.load("example.com"))).toBe("b5")
    expect(tokenOf(await b.load("example.com"))).toBe("b5")
    expect(await b.compact({ keep: { bases: 1, ms: 0 } })).toMatchObject({ removed: { bases: 0 }, written: 0 })
    expect((await a.verify()).defects).toEqual([])
  })

  it("does not hide a save that the other one makes meanwhile", async () => {
    let saves = 0
    beforePut = async () => {
      if (saves++ === 0) await b.save(saveOf("meanwhile"))
    }
    expect(await a.compact({ keep: { bases: 1, ms: 0 } })).toMatchObject({ written: 1 })
    expect(saves).toBeGreaterThan(1)
    expect(tokenOf(await a.load("example.com"))).toBe("meanwhile")
  })

  it("loses nothing wherever it breaks off, and a second one finishes it", async () => {
    const identity = await createDevice("c")
    await a.addOwner(identity.card)
    const before = await copyOf(provider)
    let finished = false
    for (let changes = 0; !finished; changes++) {
      const store = await copyOf(before)
      const open = (on: Provider) => openVault(on, { identity, owner: a.card.text, now: () => now })
      finished = await (await open(dieAfter(store, changes))).compact({ keep: { bases: 1, ms: 0 } }).then(
        () => true,
        () => false,
      )
      expect(tokenOf(await (await open(store)).load("example.com"))).toBe("b5")
      await (await open(store)).compact({ keep: { bases: 1, ms: 0 } })
      // Two at most: the newest, and one that repeats it and has seen everything.
      expect((await namesIn(store, `${a.id}/sessions/`)).length).toBeLessThanOrEqual(2)
      const again = await open(store)
      expect(tokenOf(await again.load("example.com"))).toBe("b5")
      expect((await again.verify()).defects).toEqual([])
      expect(changes).toBeLessThan(40)
    }
  })

  it("loses nothing when both do it at once", async () => {
    const reports = await Promise.all([
      a.compact({ keep: { bases: 2, ms: 0 } }),
      b.compact({ keep: { bases: 1, ms: 0 } }),
    ])
    expect(reports.flatMap(({ skipped }) => skipped)).toEqual([])
    for (const vault of [a, b]) {
      expect(tokenOf(await vault.load("example.com"))).toBe("b5")
      expect((await vault.verify()).defects).toEqual([])
    }
    expect((await sessions()).length).toBeLessThanOrEqual(4)
  })

  it("loses no session when two processes of one device wrote members at once", async () => {
    const identity = await createDevice("d")
    const [one, two] = [createMemory(), createMemory()]
    const first = await openVault(provider, { identity, memory: one, now: () => now })
    await first.save(exampleSnapshot("first.example"))
    two.text = one.text
    const second = await openVault(provider, { identity, memory: two, now: () => now })
    await first.save(exampleSnapshot("one.example"))
    now += minute
    await second.save(exampleSnapshot("two.example"))
    expect(await namesIn(provider, `${first.id}/members/`)).toHaveLength(2)
    const third = await openVault(provider, { identity: { ...identity }, memory: one, now: () => now })
    expect(await third.compact()).toMatchObject({ removed: { members: 1 }, written: 1 })
    const fresh = await openVault(provider, { identity: { ...identity }, owner: third.card.text, now: () => now })
    expect((await fresh.list()).map(({ site }) => site)).toEqual(["first.example", "one.example", "two.example"])
    expect((await third.verify()).defects).toEqual([])
  })
})
