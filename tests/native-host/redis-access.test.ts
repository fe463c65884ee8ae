import { once } from "node:events"
import { rm, writeFile } from "node:fs/promises"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { createRedisProvider } from "../../native-host/redis-provider.js"
import type { Provider } from "../../shared/provider.js"
import { makeCertificate } from "../conformance/certificate.js"
import { listAll, testObject } from "../contracts/provider-contract.js"
import { freePort, hasRedis, needsRedis, startRedis, type RedisServer } from "../servers/redis.js"
import { temporaryFolder } from "./bundle.js"

const { name, bytes } = testObject("v/s")
const secret = "hunter2-S3CRET"

describe.skipIf(!hasRedis)(`redis provider and who may use it (${needsRedis})`, () => {
  let server: RedisServer
  const urlFor = (credentials: string) => `redis://${credentials}@127.0.0.1:${server.port}`

  beforeAll(async () => {
    server = await startRedis(["--requirepass", secret], ["--no-auth-warning", "-a", secret])
    const may = "+set +getrange +strlen +exists +zadd +zscore +zrangebylex +zrem +scan +unlink +eval +multi +exec +ping"
    server.run("ACL", "SETUSER", "bot", "on", `>${secret}`, "~psp/*", "~psp#names", ...may.split(" "))
    server.run("ACL", "SETUSER", "reader", "on", `>${secret}`, "~psp/*", "+getrange", "+strlen", "+exists", "+ping")
  })
  afterAll(() => server.dispose())

  it("lets in with a password, also with a user", async () => {
    for (const credentials of [`:${secret}`, `default:${secret}`]) {
      await using(urlFor(credentials), async (provider) => {
        await provider.check?.()
        await provider.put(name, bytes)
        expect(await provider.get(name)).toEqual(bytes)
      })
    }
  })

  it.each([
    ["no password", (port: number) => `redis://127.0.0.1:${port}`],
    ["no password, and a database", (port: number) => `redis://127.0.0.1:${port}/2`],
    ["a wrong password", (port: number) => `redis://:${secret}x@127.0.0.1:${port}`],
    ["a user that is not there", (port: number) => `redis://eve:${secret}@127.0.0.1:${port}/1`],
  ])("says `denied` at once with %s, and never shows the password", async (_title, url) => {
    await using(url(server.port), async (provider) => {
      const faults = await faultsOf(provider)
      expect(faults.map(({ code }) => code)).toEqual(faults.map(() => "denied"))
      expect(inspect(faults, { depth: 9, showHidden: true })).not.toContain(secret)
    })
  })

  it("needs few commands and only its own keys; a hint that it may not give is no fault", async () => {
    await using(urlFor(`bot:${secret}`), async (provider) => {
      await provider.check?.()
      await provider.put(name, bytes)
      await provider.put(name, bytes)
      expect(await provider.get(name)).toEqual(bytes)
      expect(await listAll(provider, "")).toHaveLength(1)
      await provider.remove(name)
      expect(await listAll(provider, "")).toEqual([])
      expect((await provider.warnings?.())?.map(({ code }) => code)).toEqual(["durability-unknown"])
      const seen = provider.watch?.("")[Symbol.asyncIterator]()
      await expect(seen?.next()).rejects.toMatchObject({ code: "denied" })
    })
  })

  it("says `denied` for what a user may not do, and does what it may", async () => {
    await using(urlFor(`reader:${secret}`), async (provider) => {
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "denied" })
      await expect(listAll(provider, "")).rejects.toMatchObject({ code: "denied" })
      expect(await provider.get(name)).toBeNull()
    })
  })

  it("repeats nothing that a server says, which may be the password that it was sent", async () => {
    const echo = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .on("data", (data) => {
          const said = data.toString().replace(/[\r\n]+/g, " ")
          socket.write(`-ERR unknown command, with args beginning with: ${said}\r\n`.repeat(2))
        })
    })
    await using(`redis://:${secret}@127.0.0.1:${await portOf(echo)}`, async (provider) => {
      const faults = await faultsOf(provider)
      expect(faults.map(({ code }) => code)).toEqual(faults.map(() => "denied"))
      expect(inspect(faults, { depth: 9, showHidden: true })).not.toContain(secret)
    })
    echo.close()
  })

  it("shows no password when the server is not there", async () => {
    await using(`redis://ada:${secret}@127.0.0.1:${await freePort()}`, async (provider) => {
      const faults = await faultsOf(provider)
      expect(faults.map(({ code }) => code)).toEqual(faults.map(() => "unreachable"))
      expect(inspect(faults, { depth: 9, showHidden: true })).not.toContain(secret)
    })
  })
})

describe.skipIf(!hasRedis)(`redis provider over TLS (${needsRedis})`, () => {
  let server: RedisServer
  let dir: string
  let ca: string

  beforeAll(async () => {
    dir = await temporaryFolder()
    const pem = await makeCertificate(["localhost"])
    ca = pem.cert.slice(pem.cert.indexOf("-----BEGIN CERTIFICATE"))
    const [file, caFile] = [join(dir, "server.pem"), join(dir, "ca.pem")]
    await writeFile(file, pem.key)
    await writeFile(caFile, ca)
    const files = ["--tls-cert-file", file, "--tls-key-file", file, "--tls-ca-cert-file", caFile]
    server = await startRedis(["--port", "0", "--tls-port", "PORT", "--tls-auth-clients", "no", ...files])
  })
  afterAll(async () => {
    await server.dispose()
    await rm(dir, { recursive: true })
  })

  it("speaks to a server whose certificate is of the named authority, and watches there", async () => {
    const url = `rediss://localhost:${server.port}?ca=${encodeURIComponent(join(dir, "ca.pem"))}`
    await using(url, async (provider) => {
      const seen = provider.watch?.("")[Symbol.asyncIterator]()
      expect((await seen?.next())?.value).toBe("watching")
      await provider.put(name, bytes)
      expect((await seen?.next())?.value).toBe("changed")
      expect(await provider.get(name)).toEqual(bytes)
      await seen?.return?.()
    })
  })

  it("says `denied` at once for a certificate of nobody it knows, and for one of another name", async () => {
    await using(`rediss://localhost:${server.port}`, async (provider) => {
      await expect(provider.get(name)).rejects.toMatchObject({
        code: "denied",
        message: `Cannot read ${name}: the Redis server has a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT); name the file of its authority in ?ca=`,
      })
    })
    const provider = createRedisProvider({ url: `rediss://127.0.0.1:${server.port}`, ca })
    await expect(provider.get(name)).rejects.toMatchObject({ code: "denied" })
    await provider.close?.()
  })

  it("reads and stores nothing over a connection in the clear", async () => {
    await using(`redis://127.0.0.1:${server.port}`, async (provider) => {
      await expect(provider.check?.()).rejects.toMatchObject({ code: "unreachable" })
    })
  })

  it("says so when what answers does not speak TLS", async () => {
    const plain = createServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.end("-ERR Protocol error\r\n"))
    })
    await using(`rediss://127.0.0.1:${await portOf(plain)}`, async (provider) => {
      await expect(provider.get(name)).rejects.toMatchObject({ code: "bad-config" })
    })
    plain.close()
  })
})

describe.skipIf(!hasRedis)(`what a Redis store warns of (${needsRedis})`, () => {
  it.each([
    ["nothing", ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"], []],
    ["a restart without a file", ["--maxmemory-policy", "noeviction"], ["not-durable"]],
    ["a power cut", ["--appendonly", "yes", "--appendfsync", "everysec"], ["last-second"]],
    ["dropping sessions", ["--maxmemory-policy", "volatile-ttl"], ["not-durable", "evicts"]],
  ])("is %s when that is so", async (_title, args, codes) => {
    const server = await startRedis(args)
    onTestFinished(server.dispose)
    await using(server.url, async (provider) => {
      expect((await provider.warnings?.())?.map(({ code }) => code)).toEqual(codes)
    })
  })
})

async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

async function using<T>(url: string, work: (provider: Provider) => Promise<T>): Promise<T> {
  const provider = createRedisProvider({ url })
  try {
    return await work(provider)
  } finally {
    await provider.close?.()
  }
}

/** What every call of a provider throws. */
async function faultsOf(provider: Provider): Promise<{ code: string }[]> {
  const works = await Promise.allSettled([
    provider.put(name, bytes),
    provider.get(name),
    listAll(provider, ""),
    provider.remove(name),
    provider.check?.(),
    provider.warnings?.(),
    provider.watch?.("")[Symbol.asyncIterator]().next(),
  ])
  return works.map((work) => (work.status === "rejected" ? (work.reason as { code: string }) : { code: "none" }))
}
