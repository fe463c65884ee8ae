import { expect, it } from "vitest"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { openVault } from "../../../shared/vault.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createDevice, createMemory, namesIn } from "./devices.js"

it("in another store an owner that starts anew finds the members once they are announced there, and each save", async () => {
  const [old, other] = [createMemoryProvider(), createMemoryProvider()]
  const [first, second] = [await createDevice("first"), await createDevice("second")]
  const memory = createMemory()
  const before = await openVault(old, { identity: first, memory })
  await before.addOwner(second.card)
  await before.save(exampleSnapshot("one.example"))

  const vault = await openVault(other, { identity: first, memory })
  await vault.announce()
  await vault.save(exampleSnapshot("two.example"))
  const theirs = await openVault(other, { identity: second, owner: first.card })
  await theirs.refresh()
  expect(theirs.isOwner).toBe(true)
  expect((await theirs.load("two.example"))?.sites).toEqual(["two.example"])

  // Again, in the same store: the envelopes of before are replaced.
  const members = async () => (await namesIn(other)).filter((name) => name.includes("/members/"))
  expect(await members()).toHaveLength(2)
  await vault.announce()
  expect(await members()).toHaveLength(2)
})

it("what could not be announced goes out with the next save", async () => {
  const [old, other] = [createMemoryProvider(), createMemoryProvider()]
  const [first, second] = [await createDevice("first"), await createDevice("second")]
  const memory = createMemory()
  const before = await openVault(old, { identity: first, memory })
  await before.addOwner(second.card)

  const away = { ...other, put: () => Promise.reject(new Error("Away")) }
  await expect((await openVault(away, { identity: first, memory })).announce()).rejects.toThrow("Away")
  await (await openVault(other, { identity: first, memory })).save(exampleSnapshot("two.example"))
  const theirs = await openVault(other, { identity: second, owner: first.card })
  await theirs.refresh()
  expect((await theirs.load("two.example"))?.sites).toEqual(["two.example"])
})
