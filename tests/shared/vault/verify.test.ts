import { beforeAll, describe, expect, it } from "vitest"
import { forge, recipientOf } from "../envelope-forge.js"
import { digestOf, nameOf, seal } from "../../../shared/envelope.js"
import { clockAt } from "../../../shared/hlc.js"
import { recipientIdOf, type Identity } from "../../../shared/keys.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { registersToUpdate } from "../../../shared/merge/registers.js"
import { basePlaintext, deltaPlaintext } from "../../../shared/session-payload.js"
import { openVault, type Defect, type VaultOptions, type VerifyProgress } from "../../../shared/vault.js"
import { isPartName } from "../../../shared/vault/parts.js"
import { faultCount, faultTimeout } from "../../fault-count.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { bytesOf, copyOf, createDevice, createMemory, day, minute, namesIn, overwrite, start } from "./devices.js"
import { createRandom, pick } from "./hostile-provider.js"

const limit = 6000
const now = () => start + day

interface Sample {
  store: Provider
  memory: string
  identity: Identity
  other: Identity
  id: string
  ownerCard: string
}

let sample: Sample

/** Two owners, four sessions with some history, one of them in parts, one removed. */
beforeAll(async () => {
  let time = start
  const store: Provider = { ...createMemoryProvider(), maxObjectBytes: limit }
  const [identity, other] = [await createDevice("a"), await createDevice("b")]
  const memory = createMemory()
  const vault = await openVault(store, { identity, memory, now: () => time })
  await vault.addOwner(other.card)
  const second = await openVault(store, {
    identity: other,
    owner: identity.card,
    memory: createMemory(),
    now: () => time,
  })
  for (const site of ["one.example", "two.example", "gone.example"]) {
    for (const token of ["1", "2", "3"]) {
      await vault.save(exampleSnapshot(site, "default", token))
      time += minute
    }
  }
  await second.refresh()
  await second.save(exampleSnapshot("one.example", "default", "4"))
  time += minute
  await vault.save(exampleSnapshot("large.example", "default", "x".repeat(9000)))
  time += minute
  await vault.remove("gone.example")
  for (const { site } of await vault.list()) await vault.load(site)
  sample = { store, memory: memory.text ?? "", identity, other, id: vault.id, ownerCard: identity.card }
})

async function opened(store: Provider) {
  const memory = createMemory()
  memory.text = sample.memory
  const options: VaultOptions = { identity: sample.identity, memory, now }
  return openVault(store, options)
}

const flip = (bytes: Uint8Array, random: () => number) => {
  const flipped = bytes.slice()
  const at = Math.floor(random() * bytes.length)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8))
  return flipped
}

type Seed = (store: Provider, random: () => number) => Promise<[Defect["code"], string][]>

/** Each does one thing to the store and says what must be named. */
const seeds: Record<string, Seed> = {
  async "a bit that rotted"(store, random) {
    const name = pick(random, await namesIn(store))
    await overwrite(store, name, flip(await bytesOf(store, name), random))
    return [["bit-rot", name]]
  },
  async "an object that was cut"(store, random) {
    const name = pick(random, await namesIn(store))
    const bytes = await bytesOf(store, name)
    await overwrite(store, name, bytes.slice(0, Math.floor(random() * bytes.length)))
    return [["bit-rot", name]]
  },
  async "a part that is gone"(store, random) {
    const name = pick(random, (await namesIn(store)).filter(isPartName))
    await store.remove(name)
    return [["missing", name]]
  },
  async "the newest save, gone"(store, random) {
    const names = (await namesIn(store, `${sample.id}/sessions/`)).filter((name) => !isPartName(name))
    const sid = pick(random, names).split("/")[2] ?? ""
    const folder = `${sample.id}/sessions/${sid}`
    await store.remove(names.filter((name) => name.startsWith(folder)).at(-1) ?? "")
    return [["rolled-back", folder]]
  },
  async "a member envelope to this device, gone"(store, random) {
    const own = await namesIn(store, `${sample.id}/members/${await recipientIdOf(sample.identity)}/`)
    const shown = pick(random, own)
    await store.remove(shown)
    return [["rolled-back", shown.slice(0, shown.lastIndexOf("/"))]]
  },
  async "two objects, swapped"(store, random) {
    const names = await namesIn(store)
    const first = pick(random, names)
    const isLike = (name: string) => name !== first && isPartName(name) === isPartName(first)
    const second = pick(random, names.filter(isLike))
    const [a, b] = [await bytesOf(store, first), await bytesOf(store, second)]
    await overwrite(store, first, b)
    await overwrite(store, second, a)
    return [first, second].map((name) => ["swapped", name])
  },
  async "a sound object in another session's folder"(store, random) {
    const names = (await namesIn(store, `${sample.id}/sessions/`)).filter((name) => !isPartName(name))
    const whole = names.filter((name) => names.filter((other) => other.slice(0, 70) === name.slice(0, 70)).length > 1)
    const from = pick(random, whole)
    const to = pick(
      random,
      names.filter((name) => name.split("/")[2] !== from.split("/")[2]),
    )
    // An older stamp, so that it is not the newest there as well.
    const name = `${to.slice(0, to.lastIndexOf("/"))}/${from.slice(from.lastIndexOf("/") + 1)}`
    await store.put(name, await bytesOf(store, from))
    return [["swapped", name]]
  },
  async "a name that is none of ours"(store, random) {
    const name = pick(random, [
      `${sample.id}/sessions/readme.txt`,
      `${sample.id}/index`,
      `${sample.id}/sessions/${"a".repeat(26)}/more/x.psp`,
      `${sample.id}/other/${"a".repeat(26)}/${clockAt(start)}-${"0".repeat(32)}-${"0".repeat(32)}.psp`,
    ])
    await store.put(name, new Uint8Array(5))
    return [["extra", name]]
  },
  async "a stranger's envelope"(store, random) {
    const sid = pick(random, await namesIn(store, `${sample.id}/sessions/`)).split("/")[2] ?? ""
    const sealed = await seal({
      header: { typ: "base", vault: sample.id, sid, clock: clockAt(start), exp: start + 9 * day },
      plaintext: basePlaintext(exampleSnapshot("one.example")),
      recipients: [await recipientOf(sample.identity)],
      writer: await createDevice("stranger"),
    })
    await store.put(sealed.name, sealed.bytes)
    return [["unknown-writer", sealed.name]]
  },
  async "an envelope that an owner's key never signed"(store, random) {
    const sid = pick(random, await namesIn(store, `${sample.id}/sessions/`)).split("/")[2] ?? ""
    const header = {
      v: 1,
      typ: "base",
      vault: sample.id,
      sid,
      clock: clockAt(start - minute),
      exp: start + 9 * day,
      seen: {},
      cipher: "cobblestone-256",
      pad: "padme",
    } as const
    const plaintext = new TextEncoder().encode(
      JSON.stringify({ kind: "base", v: 1, snapshot: exampleSnapshot("one.example") }),
    )
    const bytes = await forge({
      header,
      plaintext,
      recipients: [await recipientOf(sample.identity)],
      writer: sample.identity,
      sig: (sig) => Buffer.from(sig).reverse(),
    })
    const writer = (await namesIn(store, `${sample.id}/sessions/`))[0]?.split("-")[1] ?? ""
    const name = nameOf({ ...header, writer }, await digestOf(bytes))
    await store.put(name, bytes)
    return [["damaged", name]]
  },
  async "a save whose writer's clock ran ahead"(store, random) {
    const sid = pick(random, await namesIn(store, `${sample.id}/sessions/`)).split("/")[2] ?? ""
    const sealed = await seal({
      header: { typ: "base", vault: sample.id, sid, clock: clockAt(start + 9 * day), exp: start + 99 * day },
      plaintext: basePlaintext(exampleSnapshot("one.example")),
      recipients: [await recipientOf(sample.identity)],
      writer: sample.other,
    })
    await store.put(sealed.name, sealed.bytes)
    return [["clock-ahead", sealed.name]]
  },
  async "a delta that has seen what no base covers and the store does not show"(store, random) {
    const sid = pick(random, await namesIn(store, `${sample.id}/sessions/`)).split("/")[2] ?? ""
    const sealed = await seal({
      header: {
        typ: "delta",
        vault: sample.id,
        sid,
        clock: clockAt(start - minute),
        exp: start + 9 * day,
        seen: { ["e".repeat(32)]: "f".repeat(32) },
      },
      plaintext: deltaPlaintext(registersToUpdate([])),
      recipients: [await recipientOf(sample.identity)],
      writer: sample.other,
    })
    await store.put(sealed.name, sealed.bytes)
    return [["missing", sealed.name]]
  },
}

describe("verify", () => {
  it.each(Object.keys(seeds))(
    "names %s, and nothing else",
    async (kind) => {
      const seed = seeds[kind]
      const count = Math.ceil(faultCount(48) / Object.keys(seeds).length)
      for (let n = 1; n <= count; n++) {
        const store = await copyOf(sample.store)
        const expected = (await seed?.(store, createRandom(n))) ?? []
        const { defects } = await (await opened(store)).verify()
        const found = defects.map(({ code, name }) => `${code} ${name}`).sort()
        expect({ n, found }).toEqual({ n, found: expected.map(([code, name]) => `${code} ${name}`).sort() })
        for (const { message, advice } of defects) expect([message, advice].join().length).toBeGreaterThan(40)
      }
    },
    faultTimeout(600_000),
  )

  it("names as rotted a list of parts that only says another end of its envelope", async () => {
    const store = await copyOf(sample.store)
    const listStart = /^\{"psp":1,"hdr":"([^"]+)","parts"/
    const texts = await Promise.all(
      (await namesIn(store)).map(async (name) => ({
        name,
        text: new TextDecoder().decode(await bytesOf(store, name)),
      })),
    )
    const list = texts.find(({ text }) => listStart.test(text))
    const hdr = listStart.exec(list?.text ?? "")?.[1] ?? ""
    const other = btoa(atob(hdr).replace(/"exp":\d/, (said) => `"exp":${said.endsWith("1") ? "3" : "1"}`))
    expect(other).not.toBe(hdr)
    const name = list?.name ?? ""
    await overwrite(store, name, new TextEncoder().encode(list?.text.replace(hdr, other)))
    const { defects } = await (await opened(store)).verify()
    expect(defects.map((defect) => [defect.code, defect.name])).toEqual([["bit-rot", name]])
  })

  it(
    "names nothing in vaults that are as their owners left them",
    async () => {
      const count = faultCount(12)
      for (let seed = 1; seed <= count; seed++) {
        const random = createRandom(seed)
        let time = start
        const store: Provider = { ...createMemoryProvider(), maxObjectBytes: limit }
        const [a, b] = [await createDevice("a"), await createDevice("b")]
        const [one, two] = [createMemory(), createMemory()]
        const first = await openVault(store, { identity: a, memory: one, now: () => time })
        if (random() < 0.7) await first.addOwner(b.card)
        const second = await openVault(store, { identity: b, owner: a.card, memory: two, now: () => time })
        await second.refresh()
        const vaults = second.isOwner ? [first, second] : [first]
        for (let step = 0; step < 12; step++) {
          const vault = pick(random, vaults)
          const site = pick(random, ["one.example", "two.example", "three.example"])
          time += Math.floor(random() * 5 * day)
          const what = random()
          if (what < 0.6) await vault.save(exampleSnapshot(site, "default", "x".repeat(random() < 0.2 ? 9000 : 9)))
          else if (what < 0.7) await vault.remove(site)
          else if (what < 0.85)
            await vault.compact({ keep: { bases: Math.floor(random() * 3), ms: random() * 9 * day } })
          else await vault.load(site).catch(() => null)
        }
        for (const vault of vaults) expect({ seed, ...(await vault.verify()) }).toMatchObject({ seed, defects: [] })
      }
    },
    faultTimeout(600_000),
  )

  it("tells of progress, and stops when it is called off", async () => {
    const controller = new AbortController()
    const told: VerifyProgress[] = []
    const vault = await opened(sample.store)
    const report = await vault.verify({ onProgress: (progress) => told.push({ ...progress }) })
    const total = (await namesIn(sample.store)).length
    expect(told.map(({ checked }) => checked)).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    expect(told.at(-1)).toMatchObject({ checked: report.checked, total, defects: 0 })
    expect(told.at(-1)?.bytes).toBe(told.at(-1)?.totalBytes)
    const stopped = vault.verify({
      signal: controller.signal,
      onProgress: ({ checked }) => {
        if (checked === 3) controller.abort()
      },
    })
    await expect(stopped).rejects.toMatchObject({ code: "aborted" })
  })

  it("adds what the store says of itself", async () => {
    const defect = {
      code: "wrong-mode",
      name: "a/file",
      message: "Others may read it",
      advice: "run: chmod 600",
    } as const
    const told: Provider = {
      ...sample.store,
      async *audit() {
        await Promise.resolve()
        yield defect
      },
    }
    expect((await (await opened(told)).verify()).defects).toEqual([defect])
  })

  it("takes an object that goes away meanwhile for nothing", async () => {
    const store = await copyOf(sample.store)
    const racing: Provider = {
      ...store,
      get: async (name, options) => {
        if (name.includes("/sessions/")) await store.remove(name)
        return store.get(name, options)
      },
    }
    const { defects } = await (await opened(racing)).verify()
    expect(defects.map(({ code }) => code)).not.toContain("missing")
  })

  it("holds one object at a time", async () => {
    let live = 0
    let most = 0
    const store = await copyOf(sample.store)
    const watched: Provider = {
      ...store,
      get: async (name, options) => {
        most = Math.max(most, ++live)
        const bytes = await store.get(name, options)
        live--
        return bytes
      },
    }
    await (await opened(watched)).verify()
    expect(most).toBe(1)
  })
})
