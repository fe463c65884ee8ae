import "fake-indexeddb/auto"
import { IDBFactory } from "fake-indexeddb"
import { unwrap } from "idb"
import { beforeEach, expect, it, vi } from "vitest"
import { PspError, type ErrorCode } from "../../shared/errors.js"
import type * as Outbox from "../../extension/outbox.js"
import type { Prepared } from "../../shared/vault.js"

let outbox: typeof Outbox

/** Every test has a database of its own, and modules that have not opened one yet. */
beforeEach(async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.resetModules()
  outbox = await import("../../extension/outbox.js")
})

function saveOf(name: string, { site = "example.com", account = "default" } = {}) {
  const prepared: Prepared = {
    objects: [{ name, bytes: new Uint8Array([1, 2, 3]) }],
    superseded: [],
    sid: "sid",
    mark: null,
    members: null,
  }
  return { intentId: `click-${name}`, prepared, site, account, since: 1_700_000_000_000 }
}

/** A vault that notes what is committed to it; fails as told. */
function createVault(fault: (name: string) => PspError | null = () => null) {
  const committed: string[] = []
  return {
    committed,
    commit: async ({ objects }: Prepared) => {
      const name = objects[0]?.name ?? ""
      const error = fault(name)
      if (error !== null) throw error
      committed.push(name)
    },
  }
}

/** Of the modules that this test has, which know no other class of it. */
async function faultIn(code: ErrorCode): Promise<PspError> {
  const errors = await import("../../shared/errors.js")
  return new errors.PspError(code, "Refused")
}

const away = new PspError("host-missing", "Cannot reach this computer")

it("sealed saves go out in the order of their clicks and leave nothing behind", async () => {
  for (const name of ["one", "two", "three"]) await outbox.enqueue(saveOf(name))
  expect((await outbox.listWaiting()).map(({ site, since }) => [site, since])).toEqual(
    Array.from({ length: 3 }, () => ["example.com", 1_700_000_000_000]),
  )
  const vault = createVault()
  expect(await outbox.drain(vault)).toBe(3)
  expect(vault.committed).toEqual(["one", "two", "three"])
  expect(await outbox.listWaiting()).toEqual([])
  expect(await outbox.drain(vault)).toBe(0)
})

it("a fault in the middle keeps what did not go out, and the next try sends only that", async () => {
  for (const name of ["one", "two", "three"]) await outbox.enqueue(saveOf(name))
  const broken = createVault((name) => (name === "two" ? away : null))
  await expect(outbox.drain(broken)).rejects.toBe(away)
  expect(broken.committed).toEqual(["one"])
  expect(await outbox.listWaiting()).toHaveLength(2)
  const vault = createVault()
  await outbox.drain(vault)
  expect(vault.committed).toEqual(["two", "three"])
})

it("each save that went out is told, with its names, and none that did not", async () => {
  await outbox.enqueue({ ...saveOf("one"), names: ["cookies"] })
  for (const name of ["two", "three"]) await outbox.enqueue(saveOf(name))
  const told: (string[] | undefined)[] = []
  const broken = createVault((name) => (name === "three" ? away : null))
  await expect(outbox.drain(broken, ({ names }) => told.push(names))).rejects.toBe(away)
  expect(told).toEqual([["cookies"], undefined])
})

it.each(["corrupt", "bad-message", "too-large"] as const)(
  "a save that is refused as %s holds up no other session, and what is behind it of its own waits in order",
  async (code) => {
    const refused = await faultIn(code)
    const other = { site: "example.org" }
    for (const [name, where] of [
      ["one", {}],
      ["two", {}],
      ["three", other],
      ["four", {}],
      ["five", other],
    ] as const) {
      await outbox.enqueue(saveOf(name, where))
    }
    const vault = createVault((name) => (name === "two" ? refused : null))
    for (const committed of [
      ["one", "three", "five"],
      ["one", "three", "five", "six"],
    ]) {
      const failed = await outbox.drain(vault).catch((error: unknown) => error)
      expect(failed).toMatchObject({ code, message: "Refused" })
      expect((failed as Outbox.UnsentSavesError).held).toEqual(new Map([["click-two", refused]]))
      expect(vault.committed).toEqual(committed)
      if (committed.length === 3) await outbox.enqueue(saveOf("six", { ...other, account: "work" }))
    }
    const mended = createVault()
    expect(await outbox.drain(mended)).toBe(2)
    expect(mended.committed).toEqual(["two", "four"])
  },
)

it("a store that goes away behind a refused save stops the rest, and is what is told", async () => {
  for (const name of ["one", "two", "three"]) await outbox.enqueue(saveOf(name, { account: name }))
  const faults: Record<string, PspError> = { one: await faultIn("corrupt"), two: away }
  const vault = createVault((name) => faults[name] ?? null)
  await expect(outbox.drain(vault)).rejects.toBe(away)
  expect(await outbox.listWaiting()).toHaveLength(3)
})

it("two drains at once send each save once, with what comes in meanwhile", async () => {
  await outbox.enqueue(saveOf("one"))
  const vault = createVault()
  const both = Promise.all([outbox.drain(vault), outbox.drain(vault)])
  await outbox.enqueue(saveOf("two"))
  await both
  await outbox.drain(vault)
  expect(vault.committed).toEqual(["one", "two"])
})

it("what waits survives a background that is stopped, byte for byte", async () => {
  await outbox.enqueue(saveOf("one"))
  vi.resetModules()
  const restarted = await import("../../extension/outbox.js")
  expect(await restarted.isWaiting("click-one")).toBe(true)
  expect(await restarted.isWaiting("click-two")).toBe(false)
  let sent: Prepared | null = null
  await restarted.drain({
    commit: async (prepared) => {
      sent = prepared
    },
  })
  expect(sent).toEqual(saveOf("one").prepared)
})

it("forgetting a session drops what waits for it, and nothing else", async () => {
  await outbox.enqueue(saveOf("one"))
  await outbox.enqueue(saveOf("other site", { site: "example.org" }))
  await outbox.enqueue(saveOf("other account", { account: "work" }))
  expect(await outbox.dropWaiting("example.com", "default")).toBe(1)
  const vault = createVault()
  await outbox.drain(vault)
  expect(vault.committed).toEqual(["other site", "other account"])
})

it("the identity that was kept first stays, however many make one at the same moment", async () => {
  const { keepFirst, readKept } = await import("../../extension/db.js")
  const kept = await Promise.all(["a", "b", "c"].map((value) => keepFirst("identity", value)))
  expect(new Set(kept).size).toBe(1)
  expect(await readKept("identity")).toBe(kept[0])
})

it("a save of many pieces comes back as it was", async () => {
  const save = saveOf("large")
  const bytes = new Uint8Array(9 * 1024 * 1024).map((_, i) => i % 253)
  save.prepared.objects = [
    { name: "small", bytes: Uint8Array.of(7) },
    { name: "none", bytes: new Uint8Array() },
    { name: "large", bytes },
  ]
  await outbox.enqueue(save)
  vi.resetModules()
  const restarted = await import("../../extension/outbox.js")
  const sent: Prepared[] = []
  await restarted.drain({ commit: async (prepared) => void sent.push(prepared) })
  const objects = sent[0]?.objects ?? []
  expect(objects.map(({ name, bytes }) => [name, bytes.length])).toEqual([
    ["small", 1],
    ["none", 0],
    ["large", bytes.length],
  ])
  expect(Buffer.compare(objects[2]?.bytes ?? Buffer.of(), bytes)).toBe(0)
})

it.each<[string, (pieces: IDBObjectStore) => void]>([
  ["is gone", (pieces) => pieces.delete([1, 0, 0])],
  ["is shorter than it was", (pieces) => pieces.put(new Blob([Uint8Array.of(1)]), [1, 0, 0])],
  ["is longer than it was", (pieces) => pieces.put(new Blob([new Uint8Array(9)]), [1, 0, 0])],
])("a save of which a piece %s is told as lost once, and does not hold up those behind it", async (_title, damage) => {
  await outbox.enqueue(saveOf("lost"))
  await outbox.enqueue(saveOf("kept"))
  const { openDatabase } = await import("../../extension/db.js")
  const transaction = (await openDatabase()).transaction("pieces", "readwrite")
  damage(unwrap(transaction.store))
  await transaction.done
  const vault = createVault()
  await expect(outbox.drain(vault)).rejects.toMatchObject({ code: "corrupt", intents: ["click-lost"] })
  expect(vault.committed).toEqual(["kept"])
  expect(await outbox.drain(vault)).toBe(0)
})

it("a save whose Blob has lost its file is told as lost, like one that is gone", async () => {
  await outbox.enqueue(saveOf("lost"))
  await outbox.enqueue(saveOf("kept"))
  vi.spyOn(Blob.prototype, "arrayBuffer").mockRejectedValueOnce(new DOMException("", "NotReadableError"))
  const vault = createVault()
  await expect(outbox.drain(vault)).rejects.toMatchObject({ code: "corrupt" })
  vi.restoreAllMocks()
  expect(vault.committed).toEqual(["kept"])
})

it("a session that is forgotten while its save is read is not told as lost", async () => {
  await outbox.enqueue(saveOf("one"))
  await outbox.enqueue(saveOf("two", { site: "example.org" }))
  vi.spyOn(Blob.prototype, "arrayBuffer").mockImplementationOnce(async () => {
    await outbox.dropWaiting("example.com", "default")
    return Uint8Array.of(1, 2, 3).buffer
  })
  await outbox.drain(createVault())
  vi.restoreAllMocks()
  expect(await outbox.listWaiting()).toEqual([])
})

it("whatever goes wrong while a save is kept, nothing of it is kept", async () => {
  const [one, more] = [saveOf("one"), new Uint8Array(5 * 1024 * 1024)]
  one.prepared.objects.push({ name: "more", bytes: more })
  const { Blob: real } = globalThis
  let blobs = 0
  vi.stubGlobal(
    "Blob",
    class extends real {
      constructor(parts: BlobPart[]) {
        if (blobs++ === 1) throw new Error("No memory")
        super(parts)
      }
    },
  )
  await expect(outbox.enqueue(one)).rejects.toThrow("No memory")
  vi.stubGlobal("Blob", real)
  expect(await outbox.listWaiting()).toEqual([])
  expect(await outbox.isWaiting("click-one")).toBe(false)
})

it("what may wait is bounded, and what waits already stays", async () => {
  const { openDatabase } = await import("../../extension/db.js")
  await outbox.enqueue(saveOf("one"))
  const database = await openDatabase()
  const [first] = await database.getAll("outbox")
  if (first === undefined) throw new Error("Nothing waits")
  for (let i = 1; i < 500; i++) await database.add("outbox", first)
  await expect(outbox.enqueue(saveOf("more"))).rejects.toMatchObject({
    code: "full",
    message: expect.stringMatching(/^Cannot keep session of example\.com: 500 saves wait here \(1 MiB\)/) as string,
  })
  expect(await outbox.listWaiting()).toHaveLength(500)
})

it("a save that finds less than 512 MiB left is refused, unless it is alone", async () => {
  const { openDatabase } = await import("../../extension/db.js")
  await outbox.enqueue(saveOf("one"))
  const database = await openDatabase()
  const [first] = await database.getAll("outbox")
  if (first === undefined) throw new Error("Nothing waits")
  first.prepared.objects = [{ name: "large", size: 512 * 1024 * 1024 - 2 }]
  await database.put("outbox", first, 1)
  await expect(outbox.enqueue(saveOf("two"))).rejects.toMatchObject({ code: "full" })
  await database.delete("outbox", 1)
  await outbox.enqueue(saveOf("two"))
  expect(await outbox.listWaiting()).toHaveLength(1)
})

it("a browser without room says so, and keeps nothing by half", async () => {
  const { openDatabase } = await import("../../extension/db.js")
  await openDatabase()
  const add = vi.spyOn(IDBObjectStore.prototype, "add").mockImplementation(function (this: IDBObjectStore) {
    this.transaction.abort()
    throw new DOMException("", "QuotaExceededError")
  })
  await expect(outbox.enqueue(saveOf("one"))).rejects.toMatchObject({ code: "full" })
  add.mockRestore()
  expect(await outbox.listWaiting()).toEqual([])
})
