import { createHash } from "node:crypto"
import { digestOf, nameOf, type Header } from "../../shared/envelope.js"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, parseCard, type Identity } from "../../shared/keys.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { openVault, type EventsOptions, type Vault } from "../../shared/vault.js"
import { eventLifetime } from "../../shared/vault/event-chain.js"
import { eventPlaintext, mostBefore } from "../../shared/vault/event-payload.js"
import { forge, recipientOf, wrapFor } from "../shared/envelope-forge.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { rangeOf, median, type BenchRow } from "./table.js"

const bots = 20
const perBot = 5_000
const site = "example.com"
const hour = 60 * 60 * 1000
const day = 24 * hour
/** All of it lies within the time that events are kept. */
const span = 80 * day

/**
 * 100,000 events of twenty bots in the memory of this process, over eighty days: those of one bot and day, those of a day, and how
 * long each takes that has to be opened. Nothing is remembered of one run by the next.
 */
export async function benchAudit(): Promise<BenchRow[]> {
  const owner = await createIdentity("owner")
  const provider = createMemoryProvider()
  const vault = await openVault(provider, { identity: owner })
  await vault.save(exampleSnapshot(site))
  const now = Date.now()
  for (let nth = 0; nth < bots; nth++) {
    const bot = await createIdentity(`bot-${nth}`)
    await vault.grant(await createCard(bot), { site })
    await fill(provider, { vault, bot, owner, now })
  }
  await run(vault, { since: now - hour })
  const ofBot = await several(5, () => run(vault, { bot: "bot-7", since: now - 2 * day, until: now - day }))
  const ofDay = await several(3, () => run(vault, { since: now - day }))
  const ofWeek = await run(vault, { since: now - 8 * day })
  const each = ofWeek.ms / ofWeek.events
  return [
    row(`Audit of ${bots * perBot} events: one bot on one day`, ofBot),
    row("The same: all bots on the last day", ofDay),
    {
      name: "The same: the last eight days, all of them opened",
      value: `${(ofWeek.ms / 1000).toFixed(1)} s`,
      peer: `${ofWeek.events} events, ${each.toFixed(1)} ms each`,
      ratio: null,
      limit: null,
      range: "",
    },
    {
      name: "The same: memory above that of the store",
      value: `${(ofWeek.bytes / 1e6).toFixed(0)} MB`,
      peer: `one day ${(Math.max(...ofDay.map(({ bytes }) => bytes)) / 1e6).toFixed(0)} MB`,
      ratio: null,
      limit: null,
      range: "",
    },
  ]
}

interface Run {
  ms: number
  events: number
  /** Most that was held above what the store and its keys hold. */
  bytes: number
}

async function run(vault: Vault, options: EventsOptions): Promise<Run> {
  globalThis.gc?.()
  const idle = process.memoryUsage().heapUsed
  let [events, most] = [0, 0]
  const began = performance.now()
  for await (const item of vault.events(options)) {
    if (item.type === "gap") throw new Error(`The history has a gap: ${item.message}`)
    if (events++ % 256 === 0) most = Math.max(most, process.memoryUsage().heapUsed - idle)
  }
  return { ms: performance.now() - began, events, bytes: most }
}

async function several(times: number, work: () => Promise<Run>): Promise<Run[]> {
  const runs: Run[] = []
  for (let nth = 0; nth < times; nth++) runs.push(await work())
  return runs
}

function row(name: string, runs: Run[]): BenchRow {
  const times = runs.map(({ ms }) => ms)
  const value = `${median(times).toFixed(0)} ms`
  return { name, value, peer: `${runs[0]?.events ?? 0} events`, ratio: null, limit: null, range: rangeOf(times) }
}

/** As the bot's tools would have written them, but for one key for all: what takes long is to make one for each. */
async function fill(
  provider: Provider,
  { vault, bot, owner, now }: { vault: Vault; bot: Identity; owner: Identity; now: number },
): Promise<void> {
  const { writerId } = await parseCard(await createCard(bot))
  const dek = createHash("sha256").update(writerId).digest()
  const recipients = await Promise.all([owner, bot].map(recipientOf))
  const wraps = await Promise.all(recipients.map((recipient) => wrapFor(dek, recipient)))
  let before: string[] = []
  for (let n = 1; n <= perBot; n++) {
    const at = Math.floor(now - span + (span * n) / (perBot + 1))
    const clock = clockAt(at)
    const header: Header = {
      ...{ v: 1, typ: "event", vault: vault.id, sid: writerId, writer: writerId, clock, exp: at + eventLifetime },
      ...{ seen: {}, cipher: "cobblestone-256", pad: "padme" },
    }
    const says = { kind: "restored", site, account: "default", tool: "bench" } as const
    const plaintext = eventPlaintext(says, { n, before }, { at, version: "0" })
    const bytes = await forge({ header, plaintext, recipients, writer: bot, dek, wraps })
    const digest = await digestOf(bytes)
    await provider.put(nameOf(header, digest), bytes)
    before = [`${clock}-${digest}`, ...before].slice(0, mostBefore)
  }
}
