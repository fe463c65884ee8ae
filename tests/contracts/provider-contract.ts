import { createHash } from "node:crypto"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { probeStore } from "../../shared/probe-store.js"
import type { Provider, StoredObject } from "../../shared/provider.js"

export interface ProviderContractOptions {
  /** A provider over an empty store, and how to throw it away. */
  create: () => Promise<{ provider: Provider; dispose?: () => Promise<void> }>
  /** False where a name that does not end in the object's digest is refused before it reaches the store. */
  takesAnyName?: boolean
  /** True where the provider has `watch`. */
  watches?: boolean
}

export interface TestObject {
  name: string
  bytes: Uint8Array
}

/** What every provider promises (see shared/provider.ts); differences are options. */
export function describeProvider(
  title: string,
  { create, takesAnyName = true, watches = false }: ProviderContractOptions,
): void {
  describe(title, () => {
    const itIfAnyName = takesAnyName ? it : () => undefined
    const itIfWatches = watches ? it : () => undefined
    const all = `${vaultOf()}/`
    let provider: Provider
    let dispose: (() => Promise<void>) | undefined

    beforeEach(async () => {
      ;({ provider, dispose } = await create())
    })
    afterEach(async () => {
      await provider.close?.()
      await dispose?.()
    })

    it("gives back the bytes that were put", async () => {
      for (const length of [0, 1, 1024, 300_000]) {
        const { name, bytes } = testObject(folderOf(), length)
        await provider.put(name, bytes)
        expect(isSame(await provider.get(name), bytes)).toBe(true)
      }
    })

    it("keeps every value a byte can have", async () => {
      const bytes = Uint8Array.from({ length: 1024 }, (_, i) => (i * 7) & 0xff)
      const name = nameOf(folderOf("bin"), bytes)
      await provider.put(name, bytes)
      expect(isSame(await provider.get(name), bytes)).toBe(true)
    })

    it("gives null for an object that is not there", async () => {
      expect(await provider.get(testObject(folderOf("nowhere")).name)).toBeNull()
      await provider.put(testObject(folderOf()).name, testObject(folderOf()).bytes)
      expect(await provider.get(testObject(folderOf(), 5).name)).toBeNull()
    })

    it("takes the same object again as success", async () => {
      const { name, bytes } = testObject(folderOf())
      await provider.put(name, bytes)
      await provider.put(name, bytes)
      expect(isSame(await provider.get(name), bytes)).toBe(true)
      expect(await listAll(provider, all)).toHaveLength(1)
    })

    itIfAnyName("refuses other bytes under a name that exists and keeps the old ones", async () => {
      const { name, bytes } = testObject(folderOf())
      await provider.put(name, bytes)
      await expect(provider.put(name, Uint8Array.of(9))).rejects.toMatchObject({ name: "PspError", code: "corrupt" })
      expect(isSame(await provider.get(name), bytes)).toBe(true)
    })

    itIfAnyName("passes the trial of a store that is about to be set, which leaves nothing behind", async () => {
      const { warnings } = await probeStore(provider)
      expect(warnings.map(({ code }) => code)).not.toContain("shown-after-removal")
      expect(await listAll(provider, "")).toEqual([])
    })

    itIfAnyName("lists in ascending order of code units, whatever comes beside a slash", async () => {
      const names = ["a/b-c/d", "a/b/c", "a/b/c.d", "a/b.c/d", "a/b0", "a-b/c", "a0/b", "z"]
      for (const name of names) await provider.put(name, Uint8Array.of(1))
      expect((await listAll(provider, "")).map(({ name }) => name)).toEqual([...names].sort())
      expect((await listAll(provider, "a/b")).map(({ name }) => name)).toEqual(
        names.filter((name) => name.startsWith("a/b")).sort(),
      )
    })

    it("lists names and sizes in order, and only those that start with the prefix", async () => {
      const objects = [
        testObject(folderOf("one"), 3),
        testObject(folderOf("one"), 40),
        testObject(folderOf("two"), 5),
        testObject(folderOf("one", "w"), 7),
      ]
      for (const { name, bytes } of objects.toReversed()) await provider.put(name, bytes)
      const expected = (prefix: string) =>
        objects
          .filter(({ name }) => name.startsWith(prefix))
          .map(({ name, bytes }) => ({ name, size: bytes.length }))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
      const one = folderOf("one")
      const inVault = [all, `${one}/`, one, one.slice(0, -24), objects[0]?.name ?? "", folderOf("one", "x"), `${one}/f`]
      for (const prefix of takesAnyName ? [...inVault, "", all.slice(0, 1), "x/"] : inVault) {
        expect(await listAll(provider, prefix)).toEqual(expected(prefix))
      }
    })

    it("removes an object, and takes one that is not there as removed", async () => {
      const [first, second] = [testObject(folderOf(), 1), testObject(folderOf(), 2)]
      await provider.put(first.name, first.bytes)
      await provider.put(second.name, second.bytes)
      await provider.remove(first.name)
      await provider.remove(first.name)
      expect(await provider.get(first.name)).toBeNull()
      expect(await listAll(provider, all)).toEqual([{ name: second.name, size: 2 }])
      await provider.remove(second.name)
      await provider.put(first.name, first.bytes)
      expect(await provider.get(first.name)).toEqual(first.bytes)
    })

    it("keeps its own copy of the bytes", async () => {
      const { name, bytes } = testObject(folderOf())
      const given = bytes.slice()
      await provider.put(name, given)
      given.fill(0)
      const got = await provider.get(name)
      expect(got).toEqual(bytes)
      got?.fill(0)
      expect(isSame(await provider.get(name), bytes)).toBe(true)
    })

    it("takes objects that come at once, also the same one several times", async () => {
      const objects = Array.from({ length: 20 }, (_, i) => testObject(folderOf(`s${i % 3}`), 100 + (i % 7)))
      await Promise.all(objects.map(({ name, bytes }) => provider.put(name, bytes)))
      for (const { name, bytes } of objects) expect(isSame(await provider.get(name), bytes)).toBe(true)
      expect(await listAll(provider, all)).toHaveLength(new Set(objects.map(({ name }) => name)).size)
    })

    it.each(["..", "a/../b", "/etc/passwd", "a//b", "", "A", "a/.hidden", "a\0b", "a\\b", "a/b/", "a".repeat(200)])(
      "refuses %j as a name",
      async (name) => {
        const refused = { name: "PspError" }
        await expect((async () => provider.put(name, Uint8Array.of(1)))()).rejects.toMatchObject(refused)
        await expect((async () => provider.get(name))()).rejects.toMatchObject(refused)
        await expect((async () => provider.remove(name))()).rejects.toMatchObject(refused)
        expect(await listAll(provider, all)).toEqual([])
      },
    )

    it("stops with `aborted` when it is called off before it begins, and stores nothing", async () => {
      const { name, bytes } = testObject(folderOf())
      const signal = AbortSignal.abort()
      const aborted = { name: "PspError", code: "aborted" }
      await expect(provider.put(name, bytes, { signal })).rejects.toMatchObject(aborted)
      await expect(provider.get(name, { signal })).rejects.toMatchObject(aborted)
      await expect(provider.remove(name, { signal })).rejects.toMatchObject(aborted)
      await expect(listAll(provider, all, signal)).rejects.toMatchObject(aborted)
      expect(await provider.get(name)).toBeNull()
    })

    it("takes the end of an object as a hint and keeps it until then", async () => {
      const { name, bytes } = testObject(folderOf())
      await provider.put(name, bytes, { expiresAt: Date.now() + 60_000 })
      expect(isSame(await provider.get(name), bytes)).toBe(true)
      expect(await listAll(provider, all)).toHaveLength(1)
    })

    itIfWatches("tells who watches of each put, when it can be read and listed", async () => {
      const seen = watch(provider, all)
      expect(await seen.next()).toEqual({ value: "watching", done: false })
      for (const length of [1, 2, 3]) {
        const { name, bytes } = testObject(folderOf(), length)
        await provider.put(name, bytes)
        for (let found = false; !found;) {
          expect(await seen.next()).toEqual({ value: "changed", done: false })
          found = (await listAll(provider, all)).length === length
        }
        expect(isSame(await provider.get(name), bytes)).toBe(true)
      }
      await seen.return?.()
    })

    itIfWatches("loses no change that comes while whoever watches is busy", async () => {
      const seen = watch(provider, all)
      await seen.next()
      const objects = [1, 2, 3, 4, 5].map((length) => testObject(folderOf(), length))
      for (const { name, bytes } of objects) await provider.put(name, bytes)
      for (let found = 0; found < objects.length; found = (await listAll(provider, all)).length) {
        expect(await seen.next()).toEqual({ value: "changed", done: false })
      }
      await seen.return?.()
    })

    itIfWatches("stops watching with `aborted` when it is called off, before and in the middle of a wait", async () => {
      const aborted = { name: "PspError", code: "aborted" }
      await expect(watch(provider, "", AbortSignal.abort()).next()).rejects.toMatchObject(aborted)
      const controller = new AbortController()
      const seen = watch(provider, "", controller.signal)
      await seen.next()
      const next = seen.next()
      controller.abort()
      await expect(next).rejects.toMatchObject(aborted)
      expect(await seen.next()).toEqual({ value: undefined, done: true })
    })

    itIfWatches("watches for several, each of which hears", async () => {
      const both = [watch(provider, ""), watch(provider, folderOf())]
      for (const seen of both) expect((await seen.next()).value).toBe("watching")
      const waiting = both.map((seen) => seen.next())
      await provider.put(testObject(folderOf()).name, testObject(folderOf()).bytes)
      for (const next of waiting) expect((await next).value).toBe("changed")
      for (const seen of both) await seen.return?.()
    })

    it("says that nothing stops the next put", async () => {
      await expect(Promise.resolve(provider.check?.())).resolves.toBeUndefined()
    })
  })
}

/** An object as the vault names it: its name ends in the digest of its bytes. */
/** The folder of a session as the vault names it; the native port takes no other names. */
export function folderOf(session = "s", vault = "v"): string {
  const sid = session.replace(/\d/g, (digit) => "abcdefghij"[Number(digit)] ?? "").padEnd(26, "2")
  return `${vaultOf(vault)}/sessions/${sid}`
}

export function vaultOf(vault = "v"): string {
  return Buffer.from(vault).toString("hex").padEnd(32, "0")
}

export function testObject(folder: string, length = 10): TestObject {
  const bytes = Uint8Array.from({ length }, (_, i) => 32 + ((i + length) % 90))
  return { name: nameOf(folder, bytes), bytes }
}

export function nameOf(folder: string, bytes: Uint8Array): string {
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 32)
  return `${folder}/0123456789ab0000-${"a".repeat(32)}-${digest}.psp`
}

export async function listAll(provider: Provider, prefix: string, signal?: AbortSignal): Promise<StoredObject[]> {
  const objects: StoredObject[] = []
  const options = signal === undefined ? {} : { signal }
  for await (const object of provider.list(prefix, options)) objects.push({ name: object.name, size: object.size })
  return objects
}

function watch(provider: Provider, prefix: string, signal?: AbortSignal): AsyncIterator<"watching" | "changed"> {
  if (provider.watch === undefined) throw new Error("This provider cannot watch; leave `watches` out")
  return provider.watch(prefix, signal === undefined ? {} : { signal })[Symbol.asyncIterator]()
}

/** As `toEqual`, which takes half a second for 300 KB. */
function isSame(got: Uint8Array | null, expected: Uint8Array): boolean {
  return got !== null && Buffer.compare(got, expected) === 0
}
