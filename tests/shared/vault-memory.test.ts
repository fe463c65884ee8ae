import { expect, it } from "vitest"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { openVault } from "../../shared/vault.js"
import { parseRemembered, withEventsSeen } from "../../shared/vault-memory.js"
import { exampleSnapshot } from "./example-snapshot.js"
import { createDevice, createMemory } from "./vault/devices.js"

it("whoever read beside others adds the events it saw to what is kept, and takes back nothing of theirs", async () => {
  const [identity, provider] = [await createDevice("laptop"), createMemoryProvider()]
  const memory = createMemory()
  const vault = await openVault(provider, { identity, memory })
  await vault.save(exampleSnapshot())
  const reading = createMemory()
  await reading.write(memory.text ?? "")
  const about = { kind: "opened", site: "example.com", account: "default", tool: "test" } as const
  const reader = await openVault(provider, { identity, memory: reading })
  await reader.record([about, about])
  await vault.save(exampleSnapshot("later.example"))

  const kept = parseRemembered(memory.text ?? "")
  const joined = parseRemembered(withEventsSeen(memory.text ?? "", reading.text ?? ""))
  expect(Object.values(kept.events)).toEqual([])
  expect(joined).toEqual({ ...kept, events: parseRemembered(reading.text ?? "").events })
  expect(Object.values(joined.events).map(({ n }) => n)).toEqual([2])
  // What is newer here stays.
  await reader.record(about)
  expect(withEventsSeen(reading.text ?? "", memory.text ?? "")).toBe(reading.text)
})

it("what was seen of another vault counts for nothing", async () => {
  const texts: string[] = []
  for (const name of ["one", "other"]) {
    const memory = createMemory()
    const vault = await openVault(createMemoryProvider(), { identity: await createDevice(name), memory })
    await vault.save(exampleSnapshot())
    await vault.record({ kind: "opened", site: "example.com", account: "default", tool: "test" })
    texts.push(memory.text ?? "")
  }
  const [one = "", other = ""] = texts
  expect(withEventsSeen(one, other)).toBe(one)
})
