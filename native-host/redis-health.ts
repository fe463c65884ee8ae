import type { StoreWarning } from "../shared/provider.js"

/** What a server says about itself, as far as this user may ask; null for what it does not tell. */
export interface RedisHealth {
  /** It writes what it is told to a file before long; without it, a restart goes back to the last dump. */
  hasAppendOnlyFile: boolean | null
  /** `always`: before it answers. */
  appendFsync: string | null
  /** What it does when its memory is used up. */
  evictionPolicy: string | null
  usedMemory: number | null
  /** Bytes; 0 for no limit. */
  maxMemory: number | null
  isReadOnlyReplica: boolean
}

/** From the texts of `INFO` and of `CONFIG GET appendfsync`; null for one that was refused. */
export function parseRedisHealth(info: string | null, appendFsync: string | null): RedisHealth {
  const lines = new Map((info ?? "").split(/\r?\n/).map((line) => splitAtColon(line)))
  const number = (key: string): number | null => {
    const text = lines.get(key) ?? ""
    return /^\d+$/.test(text) ? Number(text) : null
  }
  const aof = lines.get("aof_enabled")
  return {
    hasAppendOnlyFile: aof === undefined ? null : aof === "1",
    appendFsync,
    evictionPolicy: lines.get("maxmemory_policy") ?? null,
    usedMemory: number("used_memory"),
    maxMemory: number("maxmemory"),
    isReadOnlyReplica: lines.get("role") === "slave" && lines.get("slave_read_only") !== "0",
  }
}

/** True when it would answer the next put with OOM. */
export function isFull({ usedMemory, maxMemory, evictionPolicy }: RedisHealth): boolean {
  if (usedMemory === null || maxMemory === null || maxMemory === 0) return false
  return evictionPolicy === "noeviction" && usedMemory >= maxMemory
}

/** How this server may lose sessions that it took. */
export function redisWarnings(health: RedisHealth): StoreWarning[] {
  const { hasAppendOnlyFile, appendFsync, evictionPolicy } = health
  const warnings: StoreWarning[] = []
  if (hasAppendOnlyFile === null || evictionPolicy === null) {
    warnings.push({
      code: "durability-unknown",
      message:
        "This Redis does not tell this user whether it keeps its data over a restart, or drops some when it is full",
    })
  }
  if (hasAppendOnlyFile === false) {
    warnings.push({
      code: "not-durable",
      message: "This Redis loses what was saved since its last dump when it stops; turn on its appendonly",
    })
  } else if (appendFsync === "everysec" || appendFsync === "no") {
    const what = appendFsync === "no" ? "some of what was just saved" : "the last second of saves"
    warnings.push({
      code: "last-second",
      message: `This Redis may lose ${what} in a power cut (appendfsync ${appendFsync}); set it to always if that matters`,
    })
  }
  if (evictionPolicy !== null && evictionPolicy !== "noeviction") {
    warnings.push({
      code: "evicts",
      message: `This Redis drops sessions when its memory runs short (${evictionPolicy}); set its maxmemory-policy to noeviction`,
    })
  }
  return warnings
}

function splitAtColon(line: string): [string, string] {
  const colon = line.indexOf(":")
  return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 1)]
}
