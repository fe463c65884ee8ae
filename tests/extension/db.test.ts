import { IDBFactory } from "fake-indexeddb"
import "fake-indexeddb/auto"
import { deleteDB, openDB } from "idb"
import { beforeEach, expect, it, vi } from "vitest"
import type * as Db from "../../extension/db.js"
import type * as Outbox from "../../extension/outbox.js"
import type { Prepared } from "../../shared/vault.js"

const name = "persistent-sessions"
/** Not a real one: the database does not look into it. */
const identity = "psp-identity1example"
const objectsOf = (site: string) => [
  { name: `v/sessions/${site}.psp`, bytes: new TextEncoder().encode(`sealed ${site}`) },
  { name: `v/events/${site}.psp`, bytes: new TextEncoder().encode("told") },
]

let db: typeof Db
let outbox: typeof Outbox

/** Every test has a database of its own, and modules that have not opened one yet. */
beforeEach(async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.resetModules()
  db = await import("../../extension/db.js")
  outbox = await import("../../extension/outbox.js")
})

/** As version 2 wrote it: the identity is a text among others, and no save says what is in it. */
async function writeVersion2({ hasIdentity = true } = {}): Promise<void> {
  const database = await openDB(name, 2, {
    upgrade(made) {
      made.createObjectStore("kept")
      made.createObjectStore("outbox", { autoIncrement: true })
      made.createObjectStore("pieces")
    },
  })
  if (hasIdentity) await database.put("kept", identity, "identity")
  await database.put("kept", "what the vault remembers", "memory")
  for (const [place, site] of ["gone.example", "one.example", "two.example"].entries()) {
    const id = await database.add("outbox", {
      intentId: `click ${site}`,
      prepared: {
        objects: objectsOf(site).map((object) => ({ name: object.name, size: object.bytes.length })),
        ...{ superseded: [`v/sessions/old.${site}.psp`], sid: site, mark: null, members: null },
      },
      ...{ site, account: "default", since: 1_700_000_000_000 + place },
    })
    for (const [object, one] of objectsOf(site).entries()) {
      await database.put("pieces", new Blob([one.bytes]), [id, object, 0])
    }
  }
  // It went out: the numbers of those that wait do not begin at one.
  await database.delete("outbox", 1)
  await database.delete("pieces", IDBKeyRange.bound([1], [1, []]))
  database.close()
}

async function committedBy(drain: typeof Outbox.drain): Promise<Prepared[]> {
  const committed: Prepared[] = []
  await drain({ commit: async (prepared) => void committed.push(prepared) })
  return committed
}

it("a database as version 2 wrote it keeps its identity, now as a file, and no text of it stays", async () => {
  await writeVersion2()
  expect(await db.readSecret("identity")).toBe(identity)
  expect(await db.readKept("identity")).toBeNull()
  expect(await db.readKept("memory")).toBe("what the vault remembers")
  // Whoever would make a first one gets the one that is there.
  expect(await db.keepFirstSecret("identity", "psp-identity1another")).toBe(identity)
})

it("the saves that waited in version 2 go out as they were sealed, in their order, before those that come now", async () => {
  await writeVersion2()
  const next: Prepared = {
    objects: [{ name: "v/sessions/three.example.psp", bytes: new Uint8Array([8]) }],
    ...{ superseded: [], sid: "three.example", mark: null, members: null },
  }
  await outbox.enqueue({
    ...{ intentId: "click three.example", prepared: next, site: "three.example", account: "default" },
    since: 1_700_000_000_009,
  })
  expect((await outbox.listWaiting()).map(({ id, site, since }) => [id, site, since])).toEqual([
    [2, "one.example", 1_700_000_000_001],
    [3, "two.example", 1_700_000_000_002],
    [4, "three.example", 1_700_000_000_009],
  ])
  const sealed = (site: string): Prepared => ({
    objects: objectsOf(site),
    ...{ superseded: [`v/sessions/old.${site}.psp`], sid: site, mark: null, members: null },
  })
  expect(await committedBy(outbox.drain)).toEqual([sealed("one.example"), sealed("two.example"), next])
  expect(await outbox.listWaiting()).toEqual([])
})

it("a version 2 without an identity, and no database at all, get one when it is first asked for", async () => {
  await writeVersion2({ hasIdentity: false })
  expect(await db.readSecret("identity")).toBeNull()
  expect(await db.keepFirstSecret("identity", identity)).toBe(identity)
  ;(await db.openDatabase()).close()

  await deleteDB(name)
  vi.resetModules()
  const anew = await import("../../extension/db.js")
  expect(await anew.readSecret("identity")).toBeNull()
  expect(await anew.keepFirstSecret("identity", identity)).toBe(identity)
  expect([...(await anew.openDatabase()).objectStoreNames]).toEqual(["kept", "outbox", "pieces", "secrets"])
})

it("an upgrade that cannot move the identity leaves version 2 as it was, and says so", async () => {
  await writeVersion2()
  const put = vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(() => {
    throw new DOMException("No room", "QuotaExceededError")
  })
  await expect(db.readSecret("identity")).rejects.toThrow()
  put.mockRestore()
  const database = await openDB(name)
  expect(database.version).toBe(2)
  expect(await database.get("kept", "identity")).toBe(identity)
  expect(await database.count("outbox")).toBe(2)
  database.close()
})
