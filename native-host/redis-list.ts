import { isObjectName, type CallOptions, type StoredObject } from "../shared/provider.js"
import type { RedisClient, RedisConnection } from "./redis-connection.js"

/** Where a store's things lie in a Redis database; drawn in redis-provider.ts. */
export interface RedisKeys {
  of: (name: string) => string
  /** What every key of an object begins with. */
  objects: string
  names: string
  changes: string
}

const namesPerPage = 500
/** In the index when it is whole; sorts before every name and is none. */
const whole = "!"

const forgetScript = `if redis.call("EXISTS", KEYS[1]) == 0 then redis.call("ZREM", KEYS[2], ARGV[1]) end`

/** Lists objects by the index of their names, and mends it where it does not agree with the objects. */
export function createRedisList({ use }: Pick<RedisConnection, "use">, keys: RedisKeys) {
  return async function* list(prefix: string, call: CallOptions): AsyncGenerator<StoredObject> {
    let after = ""
    for (;;) {
      const page = await use("list", (client) => pageAfter(client, prefix, after), call)
      const names = page ?? (await mendIndex(call)).filter((name) => name.startsWith(prefix) && name > after)
      for (let i = 0; i < names.length; i += namesPerPage) {
        yield* await use(
          "list",
          (client) => withSizes(client, names.slice(i, i + namesPerPage).filter(isObjectName)),
          call,
        )
      }
      if (page === null || page.length < namesPerPage) return
      after = page.at(-1) ?? after
    }
  }

  /** The next names; null when the index is not whole. */
  async function pageAfter(client: RedisClient, prefix: string, after: string): Promise<string[] | null> {
    const from = after === "" ? `[${prefix === "" ? "0" : prefix}` : `(${after}`
    // The mark is asked for last: an index that goes away between the two is seen to have gone. Names are ASCII below "~".
    const [names, isWhole] = await Promise.all([
      client.zRangeByLex(keys.names, from, `(${prefix}~`, { LIMIT: { offset: 0, count: namesPerPage } }),
      client.zScore(keys.names, whole),
    ])
    return isWhole === null ? null : names.map(String)
  }

  /** Every name in order, by a look at every key of the database, and leaves an index so that it is not needed again. */
  async function mendIndex(call: CallOptions): Promise<string[]> {
    const found = new Set<string>()
    let cursor = "0"
    do {
      const at = cursor
      const step = await use("list", (client) => client.scan(at, { MATCH: `${keys.objects}*`, COUNT: 1000 }), call)
      for (const key of step.keys) found.add(String(key).slice(keys.objects.length))
      cursor = String(step.cursor)
    } while (cursor !== "0")
    const names = [...found].filter(isObjectName).sort()
    const members = [whole, ...names].map((value) => ({ score: 0, value }))
    // A server that takes no writes can still be read.
    await use("list", (client) => client.zAdd(keys.names, members), { ...call, again: false }).catch(() => undefined)
    return names
  }

  async function withSizes(client: RedisClient, names: string[]): Promise<StoredObject[]> {
    // Sent together and answered together.
    const sizes = await Promise.all(names.map((name) => client.strLen(keys.of(name))))
    const objects = await Promise.all(
      names.map(async (name, i) => {
        const size = sizes[i] ?? 0
        return size > 0 || (await client.exists(keys.of(name))) > 0 ? { name, size } : null
      }),
    )
    const gone = names.filter((_, i) => objects[i] === null)
    await Promise.all(gone.map((name) => forget(client, name).catch(() => undefined)))
    return objects.filter((object) => object !== null)
  }

  /** Takes a name out of the index unless its object came back meanwhile. */
  async function forget(client: RedisClient, name: string): Promise<void> {
    await client.eval(forgetScript, { keys: [keys.of(name), keys.names], arguments: [name] })
  }
}
