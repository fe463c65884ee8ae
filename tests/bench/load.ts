import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createRedisProvider } from "../../native-host/redis-provider.js"
import { seal } from "../../shared/envelope.js"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, parseCard, type Identity } from "../../shared/keys.js"
import { membersToJson, parseMembers } from "../../shared/members.js"
import type { Provider } from "../../shared/provider.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { parseRemembered } from "../../shared/vault-memory.js"
import { hasRedis, startRedis } from "../servers/redis.js"
import { countRequests } from "../shared/vault/counting-provider.js"
import { createMemory } from "../shared/vault/devices.js"
import { sessionOf } from "./restore.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

const sizes = { ten: 10, thousand: 1_000, many: 10_000 }
type Size = keyof typeof sizes

/** One session out of 10, 1,000 and 10,000: by a device that has its vault open, and by one that remembers nothing. */
export async function benchLoad(rounds = 41): Promise<BenchRow[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-bench-"))
  const rows: BenchRow[] = []
  try {
    const store = (size: Size) => path.join(folder, size)
    // Ten thousand puts would wait for the disk as often; what is read is the same.
    rows.push(
      ...(await rowsOf(
        "folder",
        rounds,
        (size) => createFsProvider(store(size)),
        async (size, name, bytes) => {
          const file = path.join(store(size), name)
          await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
          await writeFile(file, bytes, { mode: 0o600 })
        },
      )),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
  if (!hasRedis) return rows
  const server = await startRedis()
  const providers: Provider[] = []
  try {
    const open = (size: Size) => {
      const provider = createRedisProvider({ url: server.url, prefix: size })
      providers.push(provider)
      return provider
    }
    const seeds: Record<Size, Provider> = { ten: open("ten"), thousand: open("thousand"), many: open("many") }
    rows.push(...(await rowsOf("Redis", rounds, open, (size, name, bytes) => seeds[size].put(name, bytes))))
  } finally {
    for (const provider of providers) await provider.close?.()
    await server.dispose()
  }
  return rows
}

async function rowsOf(
  store: string,
  rounds: number,
  open: (size: Size) => Provider,
  seed: (size: Size, name: string, bytes: Uint8Array) => Promise<void>,
): Promise<BenchRow[]> {
  const ready = {
    ten: await fill(open("ten"), sizes.ten, (...object) => seed("ten", ...object)),
    thousand: await fill(open("thousand"), sizes.thousand, (...object) => seed("thousand", ...object)),
    many: await fill(open("many"), sizes.many, (...object) => seed("many", ...object)),
  }
  const timesOf = (load: (size: Size) => Promise<void>) => {
    const timed = (size: Size) => async () => {
      const began = performance.now()
      await load(size)
      return performance.now() - began
    }
    return interleave(rounds, { ten: timed("ten"), thousand: timed("thousand"), many: timed("many") }, 3)
  }
  const requests: Record<"known" | "fresh", Record<Size, number>> = {
    known: { ten: 0, thousand: 0, many: 0 },
    fresh: { ten: 0, thousand: 0, many: 0 },
  }
  const known = await timesOf(async (size) => {
    const { vault, counted } = ready[size]
    counted.reset()
    await loadFrom(vault)
    requests.known[size] = counted.total()
  })
  const fresh = await timesOf(async (size) => {
    const { identity, owner, counted } = ready[size]
    counted.reset()
    await loadFrom(await openVault(counted, { identity, owner }))
    requests.fresh[size] = counted.total()
  })
  const times = (
    name: string,
    all: Record<Size, number[]>,
    asked: Record<Size, number>,
    limit: number | null,
  ): BenchRow[] => [
    {
      name: `Load one of 10,000 sessions from ${store}, ${name}`,
      value: `${median(all.many).toFixed(1)} ms`,
      peer: `of 10: ${median(all.ten).toFixed(1)} ms, of 1,000: ${median(all.thousand).toFixed(1)} ms`,
      ratio: median(all.many) / median(all.ten),
      limit,
      range: rangeOf(all.many),
    },
    {
      name: `Load one of 10,000 sessions from ${store}, ${name}: requests`,
      value: `${asked.many}`,
      peer: `of 10: ${asked.ten}, of 1,000: ${asked.thousand}`,
      ratio: asked.many / asked.ten,
      limit: 1,
      range: "",
    },
  ]
  return [
    ...times("with the vault open", known, requests.known, 1.3),
    ...times("remembering nothing (it reads the list of all sessions)", fresh, requests.fresh, null),
  ]
}

async function loadFrom(vault: Vault): Promise<void> {
  const [site] = wanted.sites
  if ((await vault.load(site)) === null) throw new Error("The session is not there")
}

const wanted = sessionOf(100, 300_000)

/** Real is the one session that is loaded, and the list of all; the others are names with a few bytes. */
async function fill(
  provider: Provider,
  count: number,
  seed: (name: string, bytes: Uint8Array) => Promise<void>,
): Promise<{ vault: Vault; counted: ReturnType<typeof countRequests>; identity: Identity; owner: string }> {
  const counted = countRequests(provider)
  const identity = await createIdentity("bench")
  const memory = createMemory()
  const first = await openVault(counted, { identity, memory })
  await first.save(wanted)
  const members = parseRemembered(memory.text ?? "").members ?? parseMembers("")
  const { writerId, recipientId, recipient } = await parseCard(first.card.text)
  const names: string[] = []
  for (let i = 1; i < count; i++) {
    const sid = i.toString(26).replace(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)))
    const record = { sid: sid.padStart(26, "7"), site: `site-${i}.example`, account: "default", removed: false }
    members.sessions.push({ ...record, clock: clockAt(Date.now()) })
    names.push(`${first.id}/sessions/${record.sid}/${clockAt(Date.now())}-${writerId}-${"0".repeat(32)}.psp`)
  }
  for (let i = 0; i < names.length; i += 200) {
    await Promise.all(names.slice(i, i + 200).map((name) => seed(name, new Uint8Array(9))))
  }
  const { name, bytes } = await seal({
    header: { typ: "member", vault: first.id, sid: recipientId, clock: clockAt(Date.now() + 1), exp: Date.now() + 1e9 },
    plaintext: new TextEncoder().encode(membersToJson(members)),
    recipients: [recipient],
    writer: identity,
  })
  await counted.put(name, bytes)
  const vault = await openVault(counted, { identity, memory })
  return { vault, counted, identity, owner: await createCard({ ...identity, vault: first.id }) }
}
