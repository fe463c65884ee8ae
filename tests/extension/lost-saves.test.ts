import "fake-indexeddb/auto"
import { IDBFactory } from "fake-indexeddb"
import { beforeEach, expect, it, vi } from "vitest"
import type * as LostSaves from "../../extension/lost-saves.js"
import type * as Outbox from "../../extension/outbox.js"
import { PspError } from "../../shared/errors.js"

let lost: typeof LostSaves
let outbox: typeof Outbox

beforeEach(async () => {
  vi.stubGlobal("indexedDB", new IDBFactory())
  vi.resetModules()
  lost = await import("../../extension/lost-saves.js")
  outbox = await import("../../extension/outbox.js")
})

/** A save in the outbox, of which the browser loses what it holds. */
async function loseSave(site: string, since: number): Promise<void> {
  const prepared = {
    objects: [{ name: site, bytes: Uint8Array.of(1, 2, 3) }],
    superseded: [],
    sid: "sid",
    mark: null,
    members: null,
  }
  await outbox.enqueue({ intentId: `click ${site}`, prepared, site, account: "work", since })
  const { openDatabase } = await import("../../extension/db.js")
  const [waiting] = (await outbox.listWaiting()).slice(-1)
  await (await openDatabase()).delete("pieces", [waiting?.id ?? 0, 0, 0])
  // It is in memory still: a background that begins anew has only what the browser kept.
  vi.resetModules()
  outbox = await import("../../extension/outbox.js")
}

const commit = () => Promise.resolve()

it("every lost save is told until it is dismissed, whatever goes out after it and however often the background begins anew", async () => {
  await loseSave("one.test", 1)
  await expect(outbox.drain({ commit })).rejects.toMatchObject({ code: "corrupt" })
  await loseSave("two.test", 2)
  await expect(outbox.drain({ commit })).rejects.toMatchObject({ code: "corrupt" })
  await outbox.drain({ commit })
  vi.resetModules()
  lost = await import("../../extension/lost-saves.js")
  expect(await lost.listLost()).toEqual([
    { id: "click one.test", site: "one.test", account: "work", since: 1 },
    { id: "click two.test", site: "two.test", account: "work", since: 2 },
  ])
  await lost.dismissLost("click one.test")
  expect((await lost.listLost()).map(({ site }) => site)).toEqual(["two.test"])
})

it("a lost save is told also when the store is away for the one behind it", async () => {
  await loseSave("one.test", 1)
  const prepared = { objects: [], superseded: [], sid: null, mark: null, members: null }
  await outbox.enqueue({ intentId: "click two", prepared, site: "two.test", account: "work", since: 2 })
  const away = () => Promise.reject(new PspError("unreachable", "Away"))
  await expect(outbox.drain({ commit: away })).rejects.toMatchObject({ code: "unreachable" })
  expect((await lost.listLost()).map(({ site }) => site)).toEqual(["one.test"])
  expect((await outbox.listWaiting()).map(({ site }) => site)).toEqual(["two.test"])
})

it("a save that went out, or was forgotten, is not told as lost", async () => {
  await loseSave("one.test", 1)
  await outbox.dropWaiting("one.test", "work")
  expect(await outbox.drain({ commit })).toBe(0)
  expect(await lost.listLost()).toEqual([])
})
