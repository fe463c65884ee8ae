import { beforeEach, describe, expect, it } from "vitest"
import { copyObjects, type CopyProgress } from "../../native-host/copy.js"
import { inLanes } from "../../shared/lanes.js"
import { digestOf, parseName } from "../../shared/envelope.js"
import { PspError } from "../../shared/errors.js"
import { createIdentity, type Identity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { isPartName } from "../../shared/vault/parts.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { bytesOf, namesIn, overwrite, start, tokenOf } from "../shared/vault/devices.js"

let identity: Identity
let from: Provider
let to: Provider
let vault: Vault
let now: number

beforeEach(async () => {
  identity = await createIdentity("owner")
  from = createMemoryProvider()
  to = createMemoryProvider()
  now = start
  vault = await openVault(from, { identity, now: () => now++ })
  for (const site of ["example.com", "example.org", "example.net"]) await vault.save(exampleSnapshot(site))
  await vault.save(exampleSnapshot("example.com", "default", "newest"))
})

/** A store whose objects are at most this long. */
function limited(limit: number, objects = createMemoryProvider()): Provider {
  return {
    ...objects,
    maxObjectBytes: limit,
    put: async (name, bytes, options) => {
      if (bytes.length > limit) throw new Error("a provider was given more than it takes")
      await objects.put(name, bytes, options)
    },
  }
}

function large(token: string): Snapshot {
  return exampleSnapshot("large.example", "default", `${token}${"x".repeat(60_000)}`)
}

/** The vault as somebody sees it who knows only what the store shows. */
async function seenIn(provider: Provider): Promise<Vault> {
  return openVault(provider, { identity, now: () => now })
}

async function envelopesIn(provider: Provider): Promise<string[]> {
  return (await namesIn(provider)).filter((name) => !isPartName(name))
}

function recording(provider: Provider): { provider: Provider; puts: string[]; gets: string[] } {
  const [puts, gets]: [string[], string[]] = [[], []]
  return {
    puts,
    gets,
    provider: {
      ...provider,
      put: (name, bytes, options) => (puts.push(name), provider.put(name, bytes, options)),
      get: (name, options) => (gets.push(name), provider.get(name, options)),
    },
  }
}

describe("a copy between stores", () => {
  it("brings every object of the vault over, byte for byte, and nothing of another vault", async () => {
    const other = await openVault(from, { identity: await createIdentity("somebody else"), now: () => now })
    await other.save(exampleSnapshot("other.example"))
    const report = await copyObjects(from, to, { vault: vault.id })
    const own = await namesIn(from, `${vault.id}/`)
    expect(report).toMatchObject({ copied: own.length, skipped: 0, failed: [], strangers: 0 })
    expect(await namesIn(to)).toEqual(own)
    for (const name of own) expect(await bytesOf(to, name)).toEqual(await bytesOf(from, name))
    expect(await (await seenIn(to)).verify()).toMatchObject({ defects: [], checked: own.length })
  })

  it("brings one session with the members, so that it is found there, and no other session", async () => {
    const { sid = "" } = vault.known().find(({ site }) => site === "example.com") ?? {}
    await copyObjects(from, to, { vault: vault.id, sid })
    expect(new Set((await namesIn(to)).map((name) => name.split("/").slice(1, 3).join("/")))).toEqual(
      new Set([
        `sessions/${sid}`,
        ...(await namesIn(from, `${vault.id}/members/`)).map((n) => n.split("/").slice(1, 3).join("/")),
      ]),
    )
    const there = await seenIn(to)
    expect(tokenOf(await there.load("example.com"))).toBe("newest")
    expect(await there.load("example.org")).toBeNull()
  })

  it("puts the members last, so that half a vault is not taken for the whole", async () => {
    const { provider, puts } = recording(to)
    await copyObjects(from, provider, { vault: vault.id })
    const rooms = puts.map((name) => name.split("/")[1])
    expect(rooms.indexOf("members")).toBe(rooms.lastIndexOf("sessions") + 1)
  })

  it("skips what is there, and reads none of it", async () => {
    await copyObjects(from, to, { vault: vault.id })
    const [source, target] = [recording(from), recording(to)]
    const again = await copyObjects(source.provider, target.provider, { vault: vault.id })
    expect(again).toMatchObject({ copied: 0, bytes: 0, skipped: (await namesIn(from)).length, failed: [] })
    expect([...source.gets, ...target.gets, ...target.puts]).toEqual([])
  })

  it("leaves both stores what they had, when each has saves of its own", async () => {
    await copyObjects(from, to, { vault: vault.id })
    const there = await seenIn(to)
    await there.refresh()
    now += 1000
    await there.save(exampleSnapshot("example.net", "default", "there"))
    now += 1000
    await vault.save(exampleSnapshot("example.org", "default", "here"))
    await copyObjects(from, to, { vault: vault.id })
    await copyObjects(to, from, { vault: vault.id })
    expect(await namesIn(from, `${vault.id}/sessions/`)).toEqual(await namesIn(to, `${vault.id}/sessions/`))
    for (const store of [from, to]) {
      const seen = await seenIn(store)
      expect(tokenOf(await seen.load("example.net"))).toBe("there")
      expect(tokenOf(await seen.load("example.org"))).toBe("here")
    }
  })

  it("leaves strangers among the objects where they are, and counts them", async () => {
    await from.put(`${vault.id}/sessions/notes.txt`, new Uint8Array(3))
    const report = await copyObjects(from, to, { vault: vault.id })
    expect(report.strangers).toBe(1)
    expect((await namesIn(to)).filter((name) => name.endsWith("notes.txt"))).toEqual([])
  })

  it("tells how far it is, up to the whole", async () => {
    const told: CopyProgress[] = []
    await copyObjects(from, to, { vault: vault.id, onProgress: (progress) => told.push(progress) })
    const count = (await namesIn(from)).length
    expect(told.map(({ done }) => done)).toEqual(Array.from({ length: count + 1 }, (_, done) => done))
    expect(told.at(-1)).toMatchObject({ total: count, bytes: told[0]?.totalBytes })
    expect(told[0]?.totalBytes).toBeGreaterThan(1000)
  })
})

describe("a copy between stores of different limits", () => {
  const limits = [Infinity, 20_000, 7_000]

  beforeEach(() => vault.save(large("one")))

  it.each(limits.flatMap((a) => limits.map((b) => [a, b] as const)))(
    "cuts anew from %s to %s bytes, and a second copy has nothing to do",
    async (a, b) => {
      const [first, second] = [limited(a), limited(b)]
      await copyObjects(from, first, { vault: vault.id })
      const report = await copyObjects(first, second, { vault: vault.id })
      expect(report).toMatchObject({ copied: (await envelopesIn(first)).length, skipped: 0, failed: [] })
      const there = await openVault(second, { identity, now: () => now })
      expect(await there.load("large.example")).toEqual(large("one"))
      expect(await there.verify()).toMatchObject({ defects: [], unneeded: 0 })
      const { provider, puts } = recording(second)
      const again = await copyObjects(first, { ...provider, maxObjectBytes: b }, { vault: vault.id })
      expect(again).toMatchObject({ copied: 0, skipped: report.copied, failed: [] })
      expect(puts).toEqual([])
    },
  )

  it("brings an envelope home from parts as it was before it was cut", async () => {
    const small = limited(7_000)
    await copyObjects(from, small, { vault: vault.id })
    await copyObjects(small, to, { vault: vault.id })
    expect(await namesIn(to)).toEqual(await namesIn(from))
  })

  it("puts the parts again that are gone", async () => {
    const small = limited(7_000)
    await copyObjects(from, small, { vault: vault.id })
    const part = (await namesIn(small)).find(isPartName) ?? ""
    await small.remove(part)
    expect(await copyObjects(from, small, { vault: vault.id })).toMatchObject({ copied: 1, failed: [] })
    expect(await namesIn(small)).toContain(part)
  })

  it("names an envelope whose parts do not give it back, and leaves nothing of it", async () => {
    const small = limited(7_000)
    await copyObjects(from, small, { vault: vault.id })
    const part = (await namesIn(small)).find(isPartName) ?? ""
    await overwrite(small, part, new Uint8Array(10))
    const report = await copyObjects(small, to, { vault: vault.id })
    expect(report.failed).toMatchObject([{ code: "damaged" }])
    expect(await namesIn(to, `${parseName(part)?.folder.replace("/parts", "")}/`)).toEqual([])
  })

  it("names an envelope that the other store cannot take in any number of parts", async () => {
    const tiny = limited(1_500)
    const report = await copyObjects(from, tiny, { vault: vault.id })
    expect(report.failed.every(({ code }) => code === "too-large")).toBe(true)
    expect(report.failed.map(({ name }) => name)).toContain((await namesIn(from, `${vault.id}/members/`))[0])
  })
})

describe("a copy that meets faults", () => {
  it("names what is damaged at the source, and copies all others", async () => {
    const [name = ""] = await namesIn(from, `${vault.id}/sessions/`)
    const bytes = await bytesOf(from, name)
    await overwrite(from, name, bytes.with(100, (bytes[100] ?? 0) ^ 1))
    const report = await copyObjects(from, to, { vault: vault.id })
    expect(report.failed).toMatchObject([{ name, code: "damaged" }])
    expect(await namesIn(to)).toEqual((await namesIn(from)).filter((other) => other !== name))
  })

  it("does not need the source for what is there already in one piece", async () => {
    await copyObjects(from, to, { vault: vault.id })
    const [name = ""] = await namesIn(from, `${vault.id}/sessions/`)
    const bytes = await bytesOf(from, name)
    await overwrite(from, name, bytes.with(100, (bytes[100] ?? 0) ^ 1))
    expect(await copyObjects(from, to, { vault: vault.id })).toMatchObject({ failed: [], copied: 0 })
  })

  it("names an object that the other store has under the same name with other bytes, and leaves it", async () => {
    const [name = ""] = await namesIn(from, `${vault.id}/sessions/`)
    await to.put(name, new Uint8Array(7))
    const report = await copyObjects(from, to, { vault: vault.id })
    expect(report.failed).toMatchObject([{ name, code: "corrupt" }])
    expect(await bytesOf(to, name)).toEqual(new Uint8Array(7))
  })

  it("reads back what it put, and takes away what came back as something else", async () => {
    const [name = ""] = await namesIn(from, `${vault.id}/sessions/`)
    const rotten: Provider = {
      ...to,
      put: (put, bytes, options) => to.put(put, put === name ? bytes.with(50, (bytes[50] ?? 0) ^ 1) : bytes, options),
    }
    expect((await copyObjects(from, rotten, { vault: vault.id })).failed).toMatchObject([{ name, code: "corrupt" }])
    expect(await to.get(name)).toBeNull()
    expect(await copyObjects(from, to, { vault: vault.id })).toMatchObject({ copied: 1, failed: [] })
  })

  it("takes an object that goes while it copies for gone, not for a fault", async () => {
    const [name = ""] = await namesIn(from, `${vault.id}/sessions/`)
    const going: Provider = { ...from, get: async (got, options) => (got === name ? null : from.get(got, options)) }
    const report = await copyObjects(going, to, { vault: vault.id })
    expect(report).toMatchObject({ failed: [], copied: (await namesIn(from)).length - 1 })
  })

  it("stops at a fault of the store, and says how far it came", async () => {
    let puts = 0
    const filling: Provider = {
      ...to,
      put: async (name, bytes, options) => {
        if (++puts > 2) throw new PspError("full", "Cannot store: no room")
        await to.put(name, bytes, options)
      },
    }
    await expect(copyObjects(from, filling, { vault: vault.id })).rejects.toMatchObject({
      code: "full",
      message: expect.stringMatching(/^Cannot store: no room; 2 of 5 objects are done/) as string,
    })
    expect((await namesIn(to)).length).toBe(2)
    expect(await copyObjects(from, to, { vault: vault.id })).toMatchObject({ skipped: 2, copied: 3 })
  })

  it.each([0, 1, 2, 3, 4])("called off after %i puts, is finished by the second run", async (after) => {
    const stop = new AbortController()
    let puts = 0
    const watched: Provider = {
      ...to,
      put: async (name, bytes, options) => {
        await to.put(name, bytes, options)
        if (++puts >= after) stop.abort()
      },
    }
    if (after === 0) stop.abort()
    await expect(copyObjects(from, watched, { vault: vault.id, signal: stop.signal })).rejects.toMatchObject({
      code: "aborted",
      message: expect.stringContaining("the same command goes on from there") as string,
    })
    const before = await namesIn(to)
    expect(before.length).toBeLessThan((await namesIn(from)).length)
    for (const name of before) expect(await digestOf(await bytesOf(to, name))).toBe(parseName(name)?.digest)
    expect(await copyObjects(from, to, { vault: vault.id })).toMatchObject({ skipped: before.length, failed: [] })
    expect(await namesIn(to)).toEqual(await namesIn(from))
  })
})

describe("work in lanes", () => {
  it("has eight small ones under way at once, and large ones alone", async () => {
    let [running, most] = [0, 0]
    const work = async () => {
      most = Math.max(most, ++running)
      await Promise.resolve()
      running--
    }
    await inLanes(
      Array.from({ length: 20 }, () => ({ bytes: 10 })),
      work,
    )
    expect(most).toBe(8)
    most = 0
    await inLanes(
      Array.from({ length: 5 }, () => ({ bytes: 50 * 1024 * 1024 })),
      work,
    )
    expect(most).toBe(1)
  })

  it("begins nothing new after a failure, and ends what is under way", async () => {
    let [begun, ended] = [0, 0]
    const work = async () => {
      const turn = ++begun
      await Promise.resolve()
      if (turn === 3) throw new Error("third")
      ended++
    }
    await expect(
      inLanes(
        Array.from({ length: 100 }, () => ({ bytes: 1 })),
        work,
      ),
    ).rejects.toThrow("third")
    expect(begun).toBeLessThan(20)
    expect(ended).toBe(begun - 1)
  })
})
