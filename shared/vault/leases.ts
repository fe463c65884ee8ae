import { folderOf, parseName, readHeader } from "../envelope.js"
import { isPspError } from "../errors.js"
import { clockMs } from "../hlc.js"
import { createCard, parseCard, type Card } from "../keys.js"
import type { CallOptions } from "../provider.js"
import { defaultAccount } from "../site.js"
import { botsAt } from "./bot-sources.js"
import { liveGrants } from "./copies.js"
import { isStoreFault } from "./faults.js"
import { isBot } from "./granted.js"
import { parseLease, type LeaseSays } from "./lease-payload.js"
import type { SessionOptions } from "./load.js"
import { recordOf } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"

/** Somebody who uses a session now, by their own account. */
export interface Lease {
  id: string
  /** Name on the card of who holds it. */
  holder: string
  /** False for an owner device. */
  isBot: boolean
  /** What uses it, as its holder says. */
  tool: string
  /** ms since epoch. */
  until: number
  /** True for one of this identity, of whichever run. */
  isOwn: boolean
}

/** Who uses a session, the first to end first; a bot learns of itself only. @throws the provider's codes */
export async function leases(
  vault: VaultState,
  site: string,
  { account = defaultAccount, ...call }: SessionOptions = {},
): Promise<Lease[]> {
  await refresh(vault, call)
  const record = recordOf(vault, site, account)
  return record === undefined || record.removed ? [] : leasesOf(vault, record.sid, call)
}

/** As `leases`, by session id. */
export async function leasesOf(vault: VaultState, sid: string, call: CallOptions): Promise<Lease[]> {
  const names: string[] = []
  for (const folder of leaseFolders(vault, sid)) {
    const prefix = `${folderOf({ typ: "lease", vault: vault.id, sid: folder })}/`
    for await (const { name } of vault.provider.list(prefix, call)) names.push(name)
  }
  return readLeases(vault, sid, names, call)
}

/** Of what was listed already: names of leases in whichever folders. */
export async function readLeases(vault: VaultState, sid: string, names: string[], call: CallOptions): Promise<Lease[]> {
  const told: Told[] = []
  for (const folder of leaseFolders(vault, sid)) {
    const own = names.filter((name) => name.split("/")[2] === folder)
    if (own.length === 0) continue
    for (const [writer, card] of await holdersAt(vault, sid, folder)) {
      const written = own.filter((name) => parseName(name)?.writer === writer).slice(-mostRead)
      for (const name of written.reverse()) {
        const says = await readLease(vault, folder, name, card, call)
        // The newest of an id comes first.
        if (says !== null && !told.some((other) => other.card === card && other.id === says.id))
          told.push({ ...says, card })
      }
    }
  }
  const taken = new Set(told.flatMap(({ card, takes }) => (vault.owners().has(card.writerId) ? takes : [])))
  return told
    .filter(({ id, released, until }) => !released && until > vault.now() && !taken.has(id))
    .map(({ id, card, tool, until }) => {
      const { name: holder, writerId } = card
      return { id, holder, isBot: !vault.owners().has(writerId), tool, until, isOwn: writerId === vault.writerId }
    })
    .sort((a, b) => a.until - b.until || (a.holder + a.id < b.holder + b.id ? -1 : 1))
}

/** Removes what nobody needs any more, of owners and bots. @returns how many, and their bytes */
export async function removeEndedLeases(
  vault: VaultState,
  stored: { name: string; size: number }[],
  call: CallOptions,
): Promise<{ count: number; bytes: number }> {
  const removed = { count: 0, bytes: 0 }
  for (const { name, size } of stored) {
    const writer = parseName(name)?.writer ?? ""
    const isKnown = vault.owners().has(writer) || (await botsAt(vault, name.split("/")[2] ?? "")).has(writer)
    const bytes = isKnown ? await vault.provider.get(name, call) : null
    if (bytes === null) continue
    // What is no lease is for `verify` to name.
    const header = await readHeader(bytes).then(
      (read) => read.header,
      () => null,
    )
    if (header?.typ !== "lease" || header.exp > vault.now()) continue
    await vault.provider.remove(name, call)
    removed.count++
    removed.bytes += size
  }
  return removed
}

type Told = LeaseSays & { card: Card }

/** Of one writer in one folder: so much is read, whatever somebody puts there. */
const mostRead = 16

/** The session's own, and for an owner those of bots that may save back. */
function leaseFolders(vault: VaultState, sid: string): string[] {
  const copies = liveGrants(vault, sid).filter((grant) => grant.mayWrite)
  return [...new Set([sid, ...copies.map(({ copy }) => copy)])]
}

/** Whose leases count in a folder, by writer id. */
async function holdersAt(vault: VaultState, sid: string, folder: string): Promise<Map<string, Card>> {
  if (!isBot(vault.remembered))
    return folder === sid ? new Map(vault.owners()) : botsAt(vault, folder, { isCounting: true })
  const self = await parseCard(await createCard({ ...vault.identity, vault: null }))
  return new Map([[self.writerId, self]])
}

/** Null for what has ended, and what cannot be read: `verify` says why. */
async function readLease(
  vault: VaultState,
  sid: string,
  name: string,
  card: Card,
  call: CallOptions,
): Promise<LeaseSays | null> {
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) return null
  try {
    const { header, plaintext } = await vault.openAs(bytes, ["lease"], { sid, name, bot: card })
    return parseLease(plaintext, clockMs(header.clock))
  } catch (error) {
    if (!isPspError(error) || isStoreFault(error.code)) throw error
    return null
  }
}
