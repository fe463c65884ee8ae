import { spawn } from "node:child_process"
import { once } from "node:events"
import { rm } from "node:fs/promises"
import { connect, createServer, type Server } from "node:net"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { createRedisProvider } from "../../native-host/redis-provider.js"
import type { Provider } from "../../shared/provider.js"
import { describeProvider, listAll, nameOf, testObject } from "../contracts/provider-contract.js"
import { faultCount, faultTimeout } from "../fault-count.js"
import { hasRedis, needsRedis, startRedis, type RedisServer } from "../servers/redis.js"
import { bundle, temporaryFolder } from "./bundle.js"

const day = 24 * 60 * 60 * 1000

describe.skipIf(!hasRedis)(`redis provider (${needsRedis})`, () => {
  let server: RedisServer
  let stores = 0
  let prefix: string

  beforeAll(async () => {
    server = await startRedis()
  })
  beforeEach(() => {
    prefix = `t${++stores}`
  })
  afterAll(() => server.dispose())

  describeProvider("as every provider", {
    create: async () => ({ provider: createRedisProvider({ url: server.url, prefix }) }),
    watches: true,
  })

  /** A provider over a store of its own, closed when the work is done. */
  async function using<T>(work: (provider: Provider) => Promise<T>, url = server.url): Promise<T> {
    const provider = createRedisProvider({ url, prefix })
    try {
      return await work(provider)
    } finally {
      await provider.close?.()
    }
  }

  /** As `using`, through a wire that sees what is asked, and is cut in the place of an answer. */
  async function through<T>(
    { onRequest, isCut }: { onRequest: (data: Buffer) => void; isCut: () => boolean },
    work: (provider: Provider) => Promise<T>,
  ): Promise<T> {
    const wire = createServer((client) => {
      const upstream = connect(server.port, "127.0.0.1")
      client.on("data", (data) => {
        onRequest(data)
        upstream.write(data)
      })
      upstream.on("data", (data) => {
        if (isCut()) {
          client.destroy()
          upstream.destroy()
        } else client.write(data)
      })
      client.on("error", () => upstream.destroy()).on("close", () => upstream.destroy())
      upstream.on("error", () => client.destroy())
    })
    try {
      return await using(work, await urlOf(wire))
    } finally {
      wire.close()
    }
  }

  const ask = (...command: string[]) => server.run(...command)
  const calls = (command: string) => {
    const line = new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(ask("INFO", "commandstats"))
    return Number(line?.[1] ?? 0)
  }

  it("keeps stores of one database apart by their prefix, also one that begins like another", async () => {
    const stored = testObject("v/s")
    const others = [`${prefix}.b`, `${prefix}:`, `${prefix}-`].map((other) =>
      createRedisProvider({ url: server.url, prefix: other }),
    )
    await using(async (provider) => {
      await provider.put(stored.name, stored.bytes)
      for (const other of others) {
        expect(await other.get(stored.name)).toBeNull()
        expect(await listAll(other, "")).toEqual([])
        await other.put("v/other", Uint8Array.of(1))
      }
      expect(await listAll(provider, "")).toEqual([{ name: stored.name, size: stored.bytes.length }])
    })
    for (const other of others) await other.close?.()
  })

  it("keeps the databases of one server apart", async () => {
    await using((provider) => provider.put("v/one", Uint8Array.of(1)), `${server.url}/1`)
    expect(await using((provider) => listAll(provider, ""), `${server.url}/2`)).toEqual([])
    expect(await using((provider) => listAll(provider, ""), `${server.url}/1?prefix=${prefix}`)).toHaveLength(1)
  })

  it("gives back large objects whole, and takes the same one again", async () => {
    for (const length of [1024 * 1024, 1024 * 1024 + 1, 20_000_000]) {
      const bytes = new Uint8Array(Buffer.alloc(length, "0123456789abcdef\0\r\n\xff"))
      const name = nameOf("v/large", bytes)
      await using(async (provider) => {
        await provider.put(name, bytes)
        await provider.put(name, bytes)
        expect(Buffer.compare((await provider.get(name)) ?? new Uint8Array(), bytes)).toBe(0)
      })
    }
  })

  it("refuses an object larger than any, without reading it", async () => {
    ask("SETRANGE", `${prefix}/v/giant`, String(97 * 1024 * 1024), "x")
    await using(async (provider) => {
      await expect(provider.get("v/giant")).rejects.toMatchObject({ code: "corrupt" })
    })
    ask("DEL", `${prefix}/v/giant`)
  })

  it("says `corrupt` for a key that holds something else than an object", async () => {
    ask("LPUSH", `${prefix}/v/list`, "x")
    await using(async (provider) => {
      await expect(provider.get("v/list")).rejects.toMatchObject({ code: "corrupt" })
      await expect(provider.put("v/list", Uint8Array.of(1))).rejects.toMatchObject({ code: "corrupt" })
    })
  })

  describe("and its index", () => {
    it("lists 2,500 objects in order and in pages, looking at no key of others", async () => {
      const names = Array.from({ length: 2500 }, (_, i) => `v/s${i % 7}/${String(i).padStart(5, "0")}`)
      await using(async (provider) => {
        await listAll(provider, "")
        await Promise.all(names.map((name) => provider.put(name, Uint8Array.of(1, 2, 3))))
        const before = { scan: calls("scan"), range: calls("zrangebylex") }
        expect(await listAll(provider, "v/")).toEqual([...names].sort().map((name) => ({ name, size: 3 })))
        expect(calls("zrangebylex") - before.range).toBe(6)
        const few = names.filter((name) => name.startsWith("v/s3/")).length
        expect(await listAll(provider, "v/s3/")).toHaveLength(few)
        expect(calls("zrangebylex") - before.range).toBe(7)
        expect(calls("scan")).toBe(before.scan)
      })
    })

    it.each([
      ["is gone", () => ask("DEL", `${prefix}#names`)],
      ["has lost names", () => (ask("DEL", `${prefix}#names`), ask("ZADD", `${prefix}#names`, "0", "v/s/b"))],
    ])("is made anew when it %s", async (_title, harm) => {
      const names = ["v/s/a", "v/s/b", "v/t/c"]
      await using(async (provider) => {
        for (const name of names) await provider.put(name, Uint8Array.of(1))
        harm()
        expect((await listAll(provider, "v/s/")).map(({ name }) => name)).toEqual(["v/s/a", "v/s/b"])
        const scans = calls("scan")
        expect((await listAll(provider, "")).map(({ name }) => name)).toEqual(names)
        expect(calls("scan")).toBe(scans)
      })
    })

    it("lets go of the name of an object that expired, and takes it again", async () => {
      await using(async (provider) => {
        for (const name of ["v/a", "v/b"]) await provider.put(name, Uint8Array.of(1))
        expect(await listAll(provider, "")).toHaveLength(2)
        ask("PEXPIRE", `${prefix}/v/a`, "0")
        expect(await listAll(provider, "")).toEqual([{ name: "v/b", size: 1 }])
        expect(ask("ZSCORE", `${prefix}#names`, "v/a")).toBe("")
        await provider.put("v/a", Uint8Array.of(2))
        expect(await listAll(provider, "")).toHaveLength(2)
      })
    })

    it("never holds a name without an object, or the other way round, after puts and removes that race", async () => {
      const objects = Array.from({ length: 30 }, (_, i) => `v/${i % 10}`)
      const others = [
        createRedisProvider({ url: server.url, prefix }),
        createRedisProvider({ url: server.url, prefix }),
      ]
      await Promise.all(
        objects.map(async (name, i) => {
          const provider = others[i % 2]
          await (i % 3 === 0 ? provider?.remove(name) : provider?.put(name, Uint8Array.of(1)))
        }),
      )
      const [first] = others
      if (first !== undefined) await listAll(first, "")
      const keys = ask("KEYS", `${prefix}/*`).split("\n").filter(Boolean)
      const names = ask("ZRANGE", `${prefix}#names`, "0", "-1")
        .split("\n")
        .filter((name) => name !== "!")
      expect(keys.map((key) => key.slice(prefix.length + 1)).sort()).toEqual(names)
      for (const provider of others) await provider.close?.()
    })
  })

  describe("and the end of an object", () => {
    const ttl = (name: string) => Number(ask("PTTL", `${prefix}/${name}`))

    it("keeps an object for a week after its end, and for ever when none is told", async () => {
      await using(async (provider) => {
        await provider.put("v/a", Uint8Array.of(1), { expiresAt: Date.now() + 30 * day })
        await provider.put("v/b", Uint8Array.of(1))
        await provider.put("v/past", Uint8Array.of(1), { expiresAt: 1 })
      })
      expect(ttl("v/a")).toBeGreaterThan(37 * day - 60_000)
      expect(ttl("v/a")).toBeLessThanOrEqual(37 * day)
      expect(ttl("v/b")).toBe(-1)
      expect(ttl("v/past")).toBeGreaterThan(7 * day - 60_000)
    })

    it.each([0, Date.UTC(2100, 0, 1)])("gives a session its time on a machine that believes it is %i", async (now) => {
      const provider = createRedisProvider({ url: server.url, prefix }, { now: () => now })
      await provider.put("v/a", Uint8Array.of(1), { expiresAt: now + 30 * day })
      await provider.close?.()
      expect(ttl("v/a")).toBeGreaterThan(37 * day - 60_000)
      expect(ttl("v/a")).toBeLessThanOrEqual(37 * day)
    })
  })

  describe("and who watches", () => {
    it("hears what another connection puts and removes under the prefix, and nothing of other stores", async () => {
      const other = createRedisProvider({ url: server.url, prefix: `${prefix}x` })
      await using(async (writer) => {
        await using(async (provider) => {
          const seen = provider.watch?.("v/")[Symbol.asyncIterator]()
          expect((await seen?.next())?.value).toBe("watching")
          await other.put("v/a", Uint8Array.of(1))
          await writer.put("w/a", Uint8Array.of(1))
          const next = seen?.next()
          expect(await Promise.race([next, writer.get("v/none")])).toBeNull()
          await writer.put("v/a", Uint8Array.of(1))
          expect((await next)?.value).toBe("changed")
          await writer.remove("v/a")
          expect((await seen?.next())?.value).toBe("changed")
          expect(await listAll(provider, "v/")).toEqual([])
          await seen?.return?.()
        })
      })
      await other.close?.()
    })

    it("says `watching` again after the server was away, and ends when the provider is closed", async () => {
      const own = await startRedis()
      onTestFinished(own.dispose)
      const provider = createRedisProvider({ url: own.url })
      const seen = provider.watch?.("")[Symbol.asyncIterator]()
      expect((await seen?.next())?.value).toBe("watching")
      const next = seen?.next()
      await own.kill()
      await own.start()
      expect((await next)?.value).toBe("watching")
      const last = seen?.next()
      await provider.close?.()
      await expect(last).rejects.toMatchObject({ code: "aborted" })
    })
  })

  describe("and faults", () => {
    let own: RedisServer
    const { name, bytes } = testObject("v/s")

    afterEach(() => {
      vi.restoreAllMocks()
    })

    async function withOwn<T>(args: string[], work: (provider: Provider) => Promise<T>): Promise<T> {
      own = await startRedis(args)
      const provider = createRedisProvider({ url: own.url, prefix })
      try {
        return await work(provider)
      } finally {
        await provider.close?.()
        await own.dispose()
      }
    }

    it(
      "loses nothing it acknowledged when the server is killed again and again in the middle of saves",
      async () => {
        await withOwn(["--appendonly", "yes", "--appendfsync", "always"], async (provider) => {
          const acknowledged = new Map<string, Uint8Array>()
          let isOver = false
          const saving = Promise.all(
            [0, 1, 2].map(async (writer) => {
              for (let i = 0; !isOver; i++) {
                const object = testObject(`v/w${writer}`, 1000 + i)
                try {
                  await provider.put(object.name, object.bytes)
                  acknowledged.set(object.name, object.bytes)
                } catch (error) {
                  expect(error).toMatchObject({ name: "PspError", code: "unreachable" })
                }
              }
            }),
          )
          for (let kills = 0; kills < faultCount(5); kills++) {
            const enough = acknowledged.size + Math.floor(Math.random() * 12)
            await expect.poll(() => acknowledged.size, { timeout: 20_000, interval: 1 }).toBeGreaterThan(enough)
            await own.kill()
            await own.start()
          }
          isOver = true
          await saving
          const listed = new Set((await listAll(provider, "")).map((object) => object.name))
          expect([...acknowledged.keys()].filter((saved) => !listed.has(saved))).toEqual([])
          for (const [saved, sent] of acknowledged) expect(await provider.get(saved)).toEqual(sent)
          for (const saved of listed)
            expect(saved).toBe(nameOf(saved.slice(0, 4), (await provider.get(saved)) ?? bytes))
        })
      },
      faultTimeout(60_000),
    )

    it("repeats a put whose answer was lost, and stores it once", async () => {
      let cuts = 0
      let isWriting = false
      const wire = {
        onRequest: (data: Buffer) => {
          isWriting ||= data.includes("EXEC")
        },
        isCut: () => isWriting && cuts++ === 0,
      }
      await through(wire, async (provider) => {
        await provider.put(name, bytes)
        expect(cuts).toBeGreaterThan(1)
        expect(await provider.get(name)).toEqual(bytes)
        expect(await listAll(provider, "")).toHaveLength(1)
      })
    })

    it("gives null for a large object that is removed while it is read, never half of it", async () => {
      const large = testObject("v/large", 3_000_000)
      let requests = 0
      const onRequest = (data: Buffer) => {
        if (data.includes("GETRANGE") && ++requests === 2) ask("DEL", `${prefix}/${large.name}`)
      }
      await through({ onRequest, isCut: () => false }, async (provider) => {
        await provider.put(large.name, large.bytes)
        expect(await provider.get(large.name)).toBeNull()
        expect(requests).toBe(2)
      })
    })

    it("reads from a server that turned read-only, takes no write there, and goes on when it is a master again", async () => {
      // The waits between tries, which are random up to a bound, are tested elsewhere.
      vi.spyOn(Math, "random").mockReturnValue(0)
      await withOwn([], async (provider) => {
        const connections = () => Number(/total_connections_received:(\d+)/.exec(own.run("INFO", "stats"))?.[1])
        for (let round = 0; round < faultCount(1); round++) {
          const folder = `v/r${round}`
          const [old, next] = [testObject(folder), testObject(folder, 50)]
          await provider.put(old.name, old.bytes)
          own.run("REPLICAOF", "127.0.0.1", "1")
          const before = connections()
          await expect(provider.put(next.name, next.bytes)).rejects.toMatchObject({
            code: "unreachable",
            message: `Cannot store ${next.name}: the Redis server is a read-only replica; a failover may be under way`,
          })
          // Another server may have taken its name: each try asks anew. One connection is of whoever counts.
          expect(connections() - before).toBe(4 + 1)
          await expect(provider.remove(old.name)).rejects.toMatchObject({ code: "unreachable" })
          await expect(provider.check?.()).rejects.toMatchObject({ code: "unreachable" })
          expect(await provider.get(old.name)).toEqual(old.bytes)
          expect(await listAll(provider, `${folder}/`)).toEqual([{ name: old.name, size: old.bytes.length }])
          const put = provider.put(next.name, next.bytes)
          own.run("REPLICAOF", "NO", "ONE")
          await put
          expect(await listAll(provider, `${folder}/`)).toHaveLength(2)
        }
      })
    })

    it("says `full` at once when the server's memory is used up, and keeps what is there", async () => {
      await withOwn(["--maxmemory", "0", "--maxmemory-policy", "noeviction"], async (provider) => {
        for (let round = 0; round < faultCount(1); round++) {
          const folder = `v/r${round}`
          const [old, next] = [testObject(folder), testObject(folder, 50)]
          await provider.put(old.name, old.bytes)
          own.run("CONFIG", "RESETSTAT")
          own.run("CONFIG", "SET", "maxmemory", "1")
          await expect(provider.put(next.name, next.bytes)).rejects.toMatchObject({ code: "full" })
          expect(own.run("INFO", "commandstats")).toMatch(/cmdstat_set:calls=0,.*rejected_calls=1,/)
          await expect(provider.check?.()).rejects.toMatchObject({ code: "full" })
          expect(await provider.get(old.name)).toEqual(old.bytes)
          expect(await listAll(provider, `${folder}/`)).toEqual([{ name: old.name, size: old.bytes.length }])
          await provider.remove(old.name)
          own.run("CONFIG", "SET", "maxmemory", "0")
          await provider.put(next.name, next.bytes)
          expect(await listAll(provider, `${folder}/`)).toEqual([{ name: next.name, size: 50 }])
        }
      })
    })

    it("gives up on a server that is not there after 5 tries", async () => {
      let tries = 0
      const refusing = createServer((socket) => {
        tries++
        socket.destroy()
      })
      const provider = createRedisProvider({ url: await urlOf(refusing) })
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "unreachable" })
      expect(tries).toBe(5)
      await expect(provider.check?.()).rejects.toMatchObject({ code: "unreachable" })
      expect(tries).toBe(6)
      refusing.close()
      await once(refusing, "close")
      await expect(provider.get(name)).rejects.toMatchObject({
        code: "unreachable",
        message: `Cannot read ${name}: the Redis server cannot be reached (ECONNREFUSED)`,
      })
      const seen = provider.watch?.("")[Symbol.asyncIterator]()
      await expect(seen?.next()).rejects.toMatchObject({ code: "unreachable" })
      await provider.close?.()
    })

    it("lets go at once when it is called off, of a server that does not answer, and never stores half", async () => {
      await withOwn([], async (provider) => {
        await provider.check?.()
        const large = testObject("v/large", 8_000_000)
        own.freeze()
        const controller = new AbortController()
        const { signal } = controller
        const works = [
          provider.put(large.name, large.bytes, { signal }),
          provider.get(name, { signal }),
          listAll(provider, "", signal),
          provider.remove(name, { signal }),
        ]
        setTimeout(() => controller.abort(), 100)
        for (const { status, reason } of await settled(works)) {
          expect([status, reason]).toMatchObject(["rejected", { code: "aborted" }])
        }
        // The caller may do with its bytes what it likes from here on.
        large.bytes.fill(0)
        own.thaw()
        expect(await provider.get(large.name)).toBeNull()
        await provider.put(name, bytes)
        expect(await provider.get(name)).toEqual(bytes)
      })
    })

    it("refuses to work once it is closed", async () => {
      const provider = createRedisProvider({ url: server.url, prefix })
      await provider.put(name, bytes)
      await provider.close?.()
      await expect(provider.get(name)).rejects.toMatchObject({ code: "aborted" })
      await provider.close?.()
    })
  })

  it("does not keep a process alive, closed or not", async () => {
    const dir = await temporaryFolder()
    const script = await bundle(dir, "put.mjs", [
      `import { createRequire } from "node:module"`,
      `globalThis.require = createRequire(import.meta.url)`,
      `const { createRedisProvider } = await import("./native-host/redis-provider.js")`,
      `const provider = createRedisProvider({ url: ${JSON.stringify(server.url)}, prefix: "${prefix}" })`,
      `await provider.put("v/one", Uint8Array.of(1))`,
      `await provider.get("v/one")`,
      `for await (const change of provider.watch("")) break`,
      `if (process.argv[2] === "close") await provider.close()`,
      `console.log("done")`,
    ])
    for (const end of ["close", "leave"]) {
      const run = spawn(process.execPath, [script, end], { stdio: ["ignore", "pipe", "inherit"] })
      const [code] = (await once(run, "exit")) as [number | null]
      expect(code).toBe(0)
    }
    await rm(dir, { recursive: true })
  })
})

async function settled(works: Promise<unknown>[]): Promise<{ status: string; reason?: unknown }[]> {
  return Promise.allSettled(works)
}

async function urlOf(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  return `redis://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
}
