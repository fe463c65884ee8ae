import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Provider } from "../../shared/provider.js"
import { listAll, nameOf, testObject } from "./provider-contract.js"

export interface AtScaleOptions {
  /** A provider over an empty store, and how to throw it away. */
  create: () => Promise<{ provider: Provider; dispose?: () => Promise<void> }>
  /** False where two that create one name at the same moment may both succeed. */
  hasOneWinner?: boolean
  /** Puts that run at once. */
  lanes?: number
}

const many = 2_500

/** What every provider promises of thousands of objects and of many writers at once; one store for all of it. */
export function describeProviderAtScale(
  title: string,
  { create, hasOneWinner = true, lanes = 25 }: AtScaleOptions,
): void {
  describe(`${title}, with many`, () => {
    const itIfOneWinner = hasOneWinner ? it : () => undefined
    const names = Array.from({ length: many }, (_, i) => nameOf(`v/s${i % 7}`, Uint8Array.of(i & 0xff, i >> 8)))
    const sorted = names.toSorted()
    let provider: Provider
    let dispose: (() => Promise<void>) | undefined

    beforeAll(async () => {
      ;({ provider, dispose } = await create())
      const waiting = names.entries()
      const lane = async () => {
        for (const [i, name] of waiting) await provider.put(name, Uint8Array.of(i & 0xff, i >> 8))
      }
      await Promise.all(Array.from({ length: lanes }, lane))
    }, 180_000)
    afterAll(async () => {
      await provider.close?.()
      await dispose?.()
    })

    it(`lists ${many} objects, each once and in order`, async () => {
      expect((await listAll(provider, "")).map(({ name }) => name)).toEqual(sorted)
      const some = names.filter((name) => name.startsWith("v/s3/")).sort()
      expect((await listAll(provider, "v/s3/")).map(({ name }) => name)).toEqual(some)
    })

    it("stops in the middle of a list with `aborted` when it is called off", async () => {
      const controller = new AbortController()
      const seen: string[] = []
      const reading = (async () => {
        for await (const { name } of provider.list("", { signal: controller.signal })) {
          if (seen.push(name) === 1_200) controller.abort()
        }
      })()
      await expect(reading).rejects.toMatchObject({ name: "PspError", code: "aborted" })
      expect(seen).toEqual(sorted.slice(0, 1_200))
    })

    it("lets go of a list that nobody reads to its end", async () => {
      for await (const { name } of provider.list("v/")) {
        expect(name).toBe(sorted[0])
        break
      }
      expect(await provider.get(names[0] ?? "")).not.toBeNull()
    })

    it("takes one object from 20 at once as one object", async () => {
      const { name, bytes } = testObject("w/same", 5_000)
      await Promise.all(Array.from({ length: 20 }, () => provider.put(name, bytes)))
      expect(await listAll(provider, "w/same")).toEqual([{ name, size: 5_000 }])
    })

    itIfOneWinner("lets one of 20 win that create a name at once, and tells the others", async () => {
      const { name } = testObject("w/other")
      const offers = Array.from({ length: 20 }, (_, i) => new Uint8Array(1000 + i).fill(i))
      const outcomes = await Promise.allSettled(offers.map((bytes) => provider.put(name, bytes)))
      const winners = outcomes.flatMap(({ status }, i) => (status === "fulfilled" ? [offers[i]] : []))
      expect(winners).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ name: "PspError", code: "corrupt" })
      }
      expect(await provider.get(name)).toEqual(winners[0])
    })
  })
}
