import { rm } from "node:fs/promises"
import { describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createRedisProvider } from "../../native-host/redis-provider.js"
import type { Provider } from "../../shared/provider.js"
import { createKvRestProvider } from "../../shared/providers/cloudflare-kv.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { createS3Provider } from "../../shared/providers/s3.js"
import type { Vault } from "../../shared/vault.js"
import { faultCount, faultTimeout } from "../fault-count.js"
import { startKvRest } from "../servers/kv-rest.js"
import { hasRedis, needsRedis, startRedis } from "../servers/redis.js"
import { startS3StandIn } from "../servers/s3-stand-in.js"
import { startWorkerd } from "../servers/workerd.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { createTwoOwners, day, minute, namesIn, start, tokenOf } from "../shared/vault/devices.js"
import { createRandom } from "../shared/vault/hostile-provider.js"
import { temporaryFolder } from "./bundle.js"

/** A store as two computers have it, each with a provider of its own, and a third that only looks. */
interface Shared {
  providers: [Provider, Provider, Provider]
  dispose: () => Promise<unknown>
}

const stores: { title: string; isHere?: boolean; create: () => Promise<Shared> }[] = [
  {
    title: "memory",
    create: async () => {
      const provider = createMemoryProvider()
      return { providers: [provider, provider, provider], dispose: async () => undefined }
    },
  },
  {
    title: "fs",
    create: async () => {
      const dir = await temporaryFolder()
      const open = () => createFsProvider(`${dir}/vault`)
      return { providers: [open(), open(), open()], dispose: () => rm(dir, { recursive: true }) }
    },
  },
  {
    title: "s3",
    create: async () => {
      const { endpoint, dispose } = await startS3StandIn()
      const credentials = { accessKeyId: "id", secretAccessKey: "secret" }
      const open = () => createS3Provider({ bucket: "b00", endpoint, region: "r", pathStyle: true, credentials })
      return { providers: [open(), open(), open()], dispose }
    },
  },
  {
    title: `redis (${needsRedis})`,
    isHere: hasRedis,
    create: async () => {
      const { url, dispose } = await startRedis()
      const open = () => createRedisProvider({ url })
      return { providers: [open(), open(), open()], dispose }
    },
  },
  {
    title: "cloudflare-kv",
    create: async () => {
      const workerd = await startWorkerd()
      const server = await startKvRest(workerd.namespace)
      const dispose = () => server.stop().then(workerd.stop)
      const open = () => createKvRestProvider(server)
      return { providers: [open(), open(), open()], dispose }
    },
  },
]

interface Saved {
  name: string
  token: string
  /** By the clock of the test (ms since epoch). */
  at: number
}

describe("two writers on one session", () => {
  for (const { title, isHere = true, create } of stores) {
    it.skipIf(!isHere)(
      `lose none of their saves over ${title}`,
      async () => {
        const { providers, dispose } = await create()
        try {
          await saveAndLookAfterIt(providers)
        } finally {
          for (const provider of providers) await provider.close?.()
          await dispose()
        }
      },
      faultTimeout(60_000),
    )
  }
})

async function saveAndLookAfterIt(providers: Shared["providers"]): Promise<void> {
  let now = start
  // Six hours from save to save: a week, which is always kept, is 28 of them.
  const clock = () => (now += 6 * 60 * minute)
  const vaults = await createTwoOwners(providers[0], [() => now, () => now + 2 * minute], providers[1])
  const saved: Saved[] = []
  const saves = faultCount(10)
  await Promise.all(vaults.map((vault, who) => saveAgainAndAgain(vault, who)))

  async function saveAgainAndAgain(vault: Vault, who: number): Promise<void> {
    const random = createRandom(who + 1)
    for (let i = 0; i < saves; i++) {
      const token = `${who}-${i}`
      const at = clock()
      if (saved.length > 0 && random() < 0.2) expect(await vault.load("example.com")).not.toBeNull()
      const { objects } = await vault.save(exampleSnapshot("example.com", "default", token))
      saved.push({ name: objects.at(-1)?.name ?? "", token, at })
      if (random() < 0.05) await vault.compact()
    }
  }

  expect(new Set(saved.map(({ name }) => name)).size).toBe(2 * saves)
  const byName = saved.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const newest = byName.at(-1)
  // What a compaction took was more than a week old, and not among the ten newest.
  // The third sees the store as it is: over KV who wrote shows its own writes for a while, whoever removed them.
  const names = new Set(await namesIn(providers[2]))
  const gone = byName.filter(({ name }) => !names.has(name))
  expect(gone.filter(({ at }) => now - at < 7 * day)).toEqual([])
  expect(byName.slice(-10).filter(({ name }) => gone.some((other) => other.name === name))).toEqual([])
  // And the oldest, without a gap: whatever is newer than a save that is there is there too.
  expect(gone).toEqual(byName.slice(0, gone.length))

  now += 10 * minute
  for (const vault of vaults) {
    expect(tokenOf(await vault.load("example.com"))).toBe(newest?.token)
    expect((await vault.verify()).defects).toEqual([])
  }
  await Promise.all(vaults.map((vault) => vault.compact({ keep: { bases: 1, ms: 0 } })))
  for (const vault of vaults) {
    expect(tokenOf(await vault.load("example.com"))).toBe(newest?.token)
    expect((await vault.verify()).defects).toEqual([])
  }
}
