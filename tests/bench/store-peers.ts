import { PutObjectCommand } from "@aws-sdk/client-s3"
import { createClient } from "@redis/client"
import { mkdir, mkdtemp, open, readdir, rename, rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createRedisProvider } from "../../native-host/redis-provider.js"
import type { Provider } from "../../shared/provider.js"
import { createKvProvider, createKvRestProvider, type KvNamespace } from "../../shared/providers/cloudflare-kv.js"
import { startKvRest } from "../servers/kv-rest.js"
import { hasRedis, startRedis } from "../servers/redis.js"
import { startWorkerd } from "../servers/workerd.js"
import { startCountingProxy } from "./counting-proxy.js"
import { startS3 } from "./s3-server.js"

/** A way to a store: ours, and the plainest put of the store's own client. */
export interface Way {
  provider: Provider
  bare(name: string, bytes: Uint8Array): Promise<void>
}

export interface StorePeer {
  title: string
  /** What is counted as a request. */
  unit: string
  /** As somebody who uses it. */
  direct: Way
  /** The same, past somebody who counts. */
  counted: Way
  /** Since the last time; bytes in both directions, where there is a wire. */
  take: () => Promise<{ requests: number; bytes: number }>
  stop(): Promise<void>
}

/** The stores that can be had here, one after the other; each is stopped by whoever takes it. */
export const storePeers: (() => Promise<StorePeer | null>)[] = [
  startFolder,
  startS3Peer,
  startRedisPeer,
  startKv,
  startKvByRest,
]

async function startFolder(): Promise<StorePeer> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-bench-"))
  const bareFolder = path.join(folder, "bare")
  await mkdir(bareFolder)
  const way = {
    provider: createFsProvider(path.join(folder, "store")),
    // As durable as ours: a temporary with its bytes on the disk, its name, and the name on the disk.
    bare: async (name: string, bytes: Uint8Array) => {
      const file = await open(path.join(bareFolder, "temporary"), "w", 0o600)
      await file.writeFile(bytes)
      await file.sync()
      await file.close()
      await rename(path.join(bareFolder, "temporary"), path.join(bareFolder, name))
      const parent = await open(bareFolder)
      await parent.sync()
      await parent.close()
    },
  }
  let before = { requests: 0, bytes: 0 }
  return {
    title: "folder",
    unit: "files",
    direct: way,
    counted: way,
    take: async () => {
      const now = { requests: 0, bytes: 0 }
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        now.requests++
        now.bytes += (await stat(path.join(entry.parentPath, entry.name))).size
      }
      const taken = { requests: now.requests - before.requests, bytes: now.bytes - before.bytes }
      before = now
      return taken
    },
    stop: () => rm(folder, { recursive: true }),
  }
}

async function startS3Peer(): Promise<StorePeer> {
  const s3 = await startS3()
  const proxy = await startCountingProxy(s3.port, httpRequest)
  const clients = [s3.client(), s3.client(proxy.port)] as const
  const bare = (client: (typeof clients)[number]) => async (name: string, bytes: Uint8Array) => {
    await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: `bare/${name}`, Body: bytes }))
  }
  const ways = [s3.provider(), s3.provider(proxy.port)] as const
  return {
    title: s3.title,
    unit: "requests",
    direct: { provider: ways[0], bare: bare(clients[0]) },
    counted: { provider: ways[1], bare: bare(clients[1]) },
    take: async () => summed(proxy.take()),
    stop: async () => {
      for (const client of clients) client.destroy()
      for (const provider of ways) await provider.close?.()
      await proxy.stop()
      await s3.stop()
    },
  }
}

async function startRedisPeer(): Promise<StorePeer | null> {
  if (!hasRedis) return null
  const server = await startRedis()
  const proxy = await startCountingProxy(server.port, /(?:^|\r\n)\*\d+\r\n\$/g)
  const urls = [server.url, `redis://127.0.0.1:${proxy.port}`] as const
  const clients = [createClient({ url: urls[0] }), createClient({ url: urls[1] })] as const
  for (const client of clients) await client.connect()
  const bare = (client: (typeof clients)[number]) => async (name: string, bytes: Uint8Array) => {
    await client.set(`bare/${name}`, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
  }
  const ways = [createRedisProvider({ url: urls[0] }), createRedisProvider({ url: urls[1] })] as const
  return {
    title: "Redis",
    unit: "commands, sent together",
    direct: { provider: ways[0], bare: bare(clients[0]) },
    counted: { provider: ways[1], bare: bare(clients[1]) },
    take: async () => summed(proxy.take()),
    stop: async () => {
      for (const client of clients) client.destroy()
      for (const provider of ways) await provider.close?.()
      await proxy.stop()
      await server.dispose()
    },
  }
}

async function startKv(): Promise<StorePeer> {
  const workerd = await startWorkerd()
  const counts = { requests: 0, bytes: 0 }
  const namespace: KvNamespace = {
    get: (...call) => (counts.requests++, workerd.namespace.get(...call)),
    list: (...call) => (counts.requests++, workerd.namespace.list(...call)),
    delete: (...call) => (counts.requests++, workerd.namespace.delete(...call)),
    put: (key, value, options) => {
      counts.requests++
      counts.bytes += value.length + JSON.stringify(options.metadata ?? null).length
      return workerd.namespace.put(key, value, options)
    },
  }
  const bare = (door: KvNamespace) => (name: string, bytes: Uint8Array) =>
    door.put(`bare/${name}`, bytes, { metadata: null })
  return {
    title: "Cloudflare KV (binding, workerd)",
    unit: "requests",
    direct: { provider: createKvProvider({ namespace: workerd.namespace }), bare: bare(workerd.namespace) },
    counted: { provider: createKvProvider({ namespace }), bare: bare(namespace) },
    take: async () => {
      const taken = { ...counts }
      Object.assign(counts, { requests: 0, bytes: 0 })
      return taken
    },
    stop: workerd.stop,
  }
}

async function startKvByRest(): Promise<StorePeer> {
  const workerd = await startWorkerd()
  const rest = await startKvRest(workerd.namespace)
  const proxy = await startCountingProxy(Number(new URL(rest.endpoint).port), httpRequest)
  const way = (endpoint: string): Way => ({
    provider: createKvRestProvider({ ...rest, endpoint }),
    bare: async (name, bytes) => {
      const body = new FormData()
      body.set("value", new Blob([bytes.slice()]))
      body.set("metadata", "null")
      const key = encodeURIComponent(`bare/${name}`)
      const url = `${endpoint}/accounts/${rest.account}/storage/kv/namespaces/${rest.namespace}/values/${key}`
      const headers = { authorization: `Bearer ${rest.token}` }
      const response = await fetch(url, { method: "PUT", body, headers })
      await response.arrayBuffer()
      if (!response.ok) throw new Error(`The bare put ended with ${response.status}`)
    },
  })
  return {
    title: "Cloudflare KV (REST stand-in over workerd)",
    unit: "requests",
    direct: way(rest.endpoint),
    counted: way(`http://127.0.0.1:${proxy.port}/client/v4`),
    take: async () => summed(proxy.take()),
    stop: async () => {
      await proxy.stop()
      await rest.stop()
      await workerd.stop()
    },
  }
}

const httpRequest = / HTTP\/1\.1\r\n/g

function summed({ requests, sent, received }: { requests: number; sent: number; received: number }) {
  return { requests, bytes: sent + received }
}
