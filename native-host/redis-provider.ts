import { concat, equalBytes } from "../shared/bytes.js"
import { PspError } from "../shared/errors.js"
import { isObjectName, isObjectPrefix, maxObjectBytes, type CallOptions, type Provider } from "../shared/provider.js"
import { createBell } from "../shared/providers/bell.js"
import { parseRedisAddress, type RedisOptions } from "./redis-address.js"
import { createRedisConnection, type RedisClient } from "./redis-connection.js"
import { ifRefused } from "./redis-errors.js"
import { createRedisList, type RedisKeys } from "./redis-list.js"
import { isFull, parseRedisHealth, redisWarnings, type RedisHealth } from "./redis-health.js"

export type { RedisOptions } from "./redis-address.js"

/** An object stays this long after its end (ms): until then whoever opens it is told that it expired. */
const graceAfterEnd = 7 * 24 * 60 * 60 * 1000
/** Objects up to this size come in one round trip (bytes). */
const firstPart = 1024 * 1024

/** A script, because a server whose memory is used up takes no transaction at all, not even one that frees some. */
const removeScript = `redis.call("UNLINK", KEYS[1]) redis.call("ZREM", KEYS[2], ARGV[1])`

/**
 * A Redis server (6.2 or newer, or one that speaks the same) as a store.
 *
 *     <prefix>/<name>     string       an object; it expires a week after its end
 *     <prefix>#names      sorted set   every name with score 0, so that a prefix is a range; "!" says that it is whole
 *     <prefix>#changes    channel      a name that was put or removed; with `@<database>`, as channels belong to none
 *
 * An object and its name come and go in one transaction. Names whose object expired are dropped when a list meets them;
 * an index that is gone (evicted, restored from half a backup) is made anew by one SCAN, by the next list.
 *
 * A user needs `+set +getrange +strlen +exists +zadd +zscore +zrangebylex +zrem +scan +unlink +eval +multi +exec +ping` on
 * the keys `<prefix>/*` and `<prefix>#names`; to watch and be watched `+publish +subscribe` on the channel; to be warned
 * `+info +config|get`. It keeps what it was given as well as the server does: see `warnings`. Errors are those of every provider, and
 * `bad-config` for an address, a database or a kind of server that cannot be used.
 */
export function createRedisProvider(options: RedisOptions, { now = Date.now }: { now?: () => number } = {}): Provider {
  const settings = parseRedisAddress(options)
  const { use, takeOwn, close } = createRedisConnection(settings)
  const keys: RedisKeys = {
    of: (name) => `${settings.prefix}/${name}`,
    objects: `${settings.prefix}/`,
    names: `${settings.prefix}#names`,
    changes: `${settings.prefix}#changes@${settings.database}`,
  }
  const list = createRedisList({ use }, keys)

  async function put(client: RedisClient, name: string, bytes: Buffer, expiresAt: number | undefined): Promise<void> {
    const expiration = expiresAt === undefined ? {} : { expiration: lifeOf(expiresAt) }
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [[created]] = await Promise.all([
        client
          .multi()
          .set(keys.of(name), bytes, { condition: "NX", ...expiration })
          .zAdd(keys.names, { score: 0, value: name })
          .execTyped(),
        tell(client, name),
      ])
      if (created !== null) return
      // One byte more than ours is enough to see that it is another.
      const stored = await rangeOf(client, name, 0, bytes.length)
      if (stored.length > 0 || (await client.exists(keys.of(name))) > 0) {
        if (equalBytes(stored, bytes)) return
        throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
      }
      // It expired, or somebody removed it, between the two looks.
    }
    throw new PspError("unreachable", `Cannot store ${name}: it comes and goes while it is being stored`)
  }

  /** A duration, so that a clock that is wrong about the year still gives a session its time. */
  function lifeOf(expiresAt: number): { type: "PX"; value: number } {
    return { type: "PX", value: Math.max(0, Math.round(expiresAt - now())) + graceAfterEnd }
  }

  /** One round trip for most, two for what is large: its length says how long to wait, and whether to read on at all. */
  async function get(name: string, call: CallOptions): Promise<Uint8Array | null> {
    const key = keys.of(name)
    const doing = `read ${name}`
    const start = await use(
      doing,
      async (client) => {
        const [size, bytes] = await Promise.all([client.strLen(key), rangeOf(client, name, 0, firstPart - 1)])
        return size > 0 || (await client.exists(key)) > 0 ? { size, bytes } : null
      },
      { ...call, bytes: firstPart },
    )
    if (start === null) return null
    if (start.size > maxObjectBytes) {
      throw new PspError("corrupt", `Cannot read ${name}: ${start.size} bytes are more than an object can have`)
    }
    if (start.size <= firstPart) return new Uint8Array(start.bytes)
    const rest = await use(doing, (client) => rangeOf(client, name, firstPart, -1), { ...call, bytes: start.size })
    // An object never changes: another length means that it was removed between the two.
    return firstPart + rest.length === start.size ? concat(start.bytes, rest) : null
  }

  /** From one byte to another, both in it; no bytes when there is no object, which the library calls null. */
  async function rangeOf(client: RedisClient, name: string, from: number, to: number): Promise<Uint8Array> {
    return (await client.getRange(keys.of(name), from, to)) ?? new Uint8Array()
  }

  /** For those who watch. It is a hint, so a user who may not publish is no reason to fail. */
  async function tell(client: RedisClient, name: string): Promise<void> {
    await client.publish(keys.changes, name).catch(() => undefined)
  }

  async function remove(client: RedisClient, name: string): Promise<void> {
    await Promise.all([
      client.eval(removeScript, { keys: [keys.of(name), keys.names], arguments: [name] }),
      tell(client, name),
    ])
  }

  async function healthOf(client: RedisClient): Promise<RedisHealth> {
    const [info, config] = await Promise.all([
      client.info().catch(ifRefused),
      client.configGet("appendfsync").catch(ifRefused),
    ])
    const text = (bytes: { toString(): string } | null | undefined): string | null => bytes?.toString() ?? null
    return parseRedisHealth(text(info), text(config?.["appendfsync"]))
  }

  return {
    put: async (name, bytes, { expiresAt, ...call } = {}) => {
      checkName("store", isObjectName(name))
      const { buffer, byteOffset, length } = bytes
      const body = Buffer.from(buffer, byteOffset, length)
      await use(`store ${name}`, (client) => put(client, name, body, expiresAt), {
        ...call,
        bytes: length,
        isWrite: true,
      })
    },
    get: async (name, call = {}) => {
      checkName("read", isObjectName(name))
      return get(name, call)
    },
    async *list(prefix, call = {}) {
      checkName("list", isObjectPrefix(prefix))
      yield* list(prefix, call)
    },
    remove: async (name, call) => {
      checkName("remove", isObjectName(name))
      await use(`remove ${name}`, (client) => remove(client, name), { ...call, isWrite: true })
    },
    check: async (call) => {
      const doing = "use the store"
      const health = await use(doing, async (client) => (await client.ping(), healthOf(client)), {
        ...call,
        again: false,
      })
      if (health.isReadOnlyReplica) {
        throw new PspError("unreachable", `Cannot ${doing}: the Redis server is a read-only replica; name its master`)
      }
      if (isFull(health)) throw new PspError("full", `Cannot ${doing}: the Redis server has used up its memory`)
    },
    warnings: async (call) => redisWarnings(await use("look at the store", healthOf, call)),
    async *watch(prefix, call = {}) {
      checkName("watch", isObjectPrefix(prefix))
      const bell = createBell()
      for (;;) {
        const subscribe = (client: RedisClient) =>
          client.subscribe(keys.changes, (name) => {
            if (name.startsWith(prefix)) bell.ring()
          })
        const client = await takeOwn("watch the store", subscribe, bell.ring, call)
        try {
          yield "watching"
          for (;;) {
            await bell.heard(call.signal)
            if (!client.isReady) break
            yield "changed"
          }
        } finally {
          client.destroy()
        }
      }
    },
    close: async () => close(),
  }
}

function checkName(doing: string, isGood: boolean): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
}
