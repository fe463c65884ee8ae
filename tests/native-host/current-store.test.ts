import { expect, it } from "vitest"
import { createCurrentStore } from "../../native-host/current-store.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"

/** A store that notes what is opened and closed; `address` is what is set. */
function createWorld() {
  const world = { address: "one", events: [] as string[], isBroken: false }
  const store = createCurrentStore(
    () => Promise.resolve(world.address),
    async (address) => {
      world.events.push(`open ${address}`)
      if (world.isBroken) throw new Error("broken")
      return { ...createMemoryProvider(), close: async () => void world.events.push(`close ${address}`) }
    },
  )
  return { world, store }
}

const nothing = () => Promise.resolve()

it("the store that is set is opened once, and the old one closed when another is set", async () => {
  const { world, store } = createWorld()
  await Promise.all([store.use(nothing), store.use(nothing)])
  await store.use(nothing)
  world.address = "two"
  await store.use(nothing)
  expect(world.events.toSorted()).toEqual(["close one", "open one", "open two"])
  await store.letGo()
  await store.letGo()
  expect(world.events.filter((event) => event === "close two")).toHaveLength(1)
})

it("work that began with a store keeps it open to its end", async () => {
  const { world, store } = createWorld()
  let finish: () => void = () => undefined
  let begun: () => void = () => undefined
  const isBegun = new Promise<void>((resolve) => (begun = resolve))
  const long = store.use(() => {
    begun()
    return new Promise<void>((resolve) => (finish = resolve))
  })
  await isBegun
  world.address = "two"
  await store.use(nothing)
  await store.letGo()
  expect(world.events).toEqual(["open one", "open two", "close two"])
  finish()
  await long
  expect(world.events.at(-1)).toBe("close one")
})

it("a store that did not open is tried again by the next work", async () => {
  const { world, store } = createWorld()
  world.isBroken = true
  await expect(store.use(nothing)).rejects.toThrow("broken")
  world.isBroken = false
  await store.use(nothing)
  expect(world.events).toEqual(["open one", "open one"])
})
