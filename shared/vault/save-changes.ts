import { defaultLifetime, seal, type SealedEnvelope } from "../envelope.js"
import { PspError } from "../errors.js"
import { nameOfField } from "../field-names.js"
import type { Clock } from "../hlc.js"
import type { Register } from "../merge.js"
import { changesOf, type Changes, type Since } from "../merge/changes.js"
import { endCookiesIn } from "../merge/cookie-ends.js"
import { registersToUpdate } from "../merge/registers.js"
import { scopeRegisters } from "../grant-scope.js"
import { kindsOf, pathOf } from "../merge/fields.js"
import { deltaPlaintext } from "../session-payload.js"
import type { Snapshot } from "../snapshot.js"
import { copyReaders } from "./copies.js"
import { isBot, readersAsBot, refuseEnded } from "./granted.js"
import { seenOf } from "./marks.js"
import { recordOf, upsertRecord } from "./records.js"
import { areMembersDue, prepareMembers, refuseEarlyClock, type Prepared } from "./save.js"
import type { VaultState } from "./state.js"

/** What a capture changed, sealed; `prepared` is null when nothing did. */
export interface PreparedChanges extends Changes {
  clock: Clock
  prepared: Prepared | null
}

/**
 * Seals what a capture says that was not known before, and nothing else: a small envelope beside the session's base, and one in
 * each copy that bots read, of what their grants cover. A bot's goes to the owners, who decide what counts.
 *
 * @throws `not-granted` for a bot that may not save back, `expired`, `bad-clock`
 */
export async function prepareChanges(
  vault: VaultState,
  snapshot: Snapshot,
  { known, digestOf, endOf, expiresAt = vault.now() + defaultLifetime }: Omit<Since, "heads"> & { expiresAt?: number },
): Promise<PreparedChanges> {
  refuseEarlyClock(vault.now())
  const clock = vault.tick()
  const stamp = { clock, writer: vault.writerId }
  const changes = changesOf(known, snapshot, { stamp, digestOf, ...(endOf && { endOf }) })
  const isOwn = isBot(vault.remembered)
  const names = grantOf(vault, snapshot)?.names
  const changed = isOwn ? changes.changed.filter((register) => isForBots(register, names)) : changes.changed
  if (changed.length === 0) return { ...changes, changed, clock, prepared: null }
  const prepare = isOwn ? prepareAsBot : prepareAsOwner
  const prepared = await prepare(vault, snapshot, changed, { clock, exp: expiresAt })
  await vault.remember()
  return { ...changes, changed, clock, prepared }
}

/** What a bot has to say of a session: state of what it was granted, and not what the session is. */
function isForBots({ field }: Register, names: readonly string[] | undefined): boolean {
  const path = pathOf(field)
  if (names !== undefined && !names.includes(nameOfField(path) ?? "")) return false
  return path[0] !== "area" && path[0] !== "context" && kindsOf(path).length > 0
}

/** What a bot was granted of a session. */
function grantOf({ remembered }: VaultState, { sites: [site], account }: Pick<Snapshot, "sites" | "account">) {
  return remembered.granted?.grants.find((other) => other.site === site && other.account === account)
}

async function prepareAsOwner(
  vault: VaultState,
  { sites, account }: Snapshot,
  changed: Register[],
  header: { clock: Clock; exp: number },
): Promise<Prepared> {
  vault.ownMembers()
  const { sid } = upsertRecord(vault, sites[0], account, false)
  const members = areMembersDue(vault) ? await prepareMembers(vault) : null
  const seen = seenOf(vault.remembered, sid)
  const owners = [...vault.owners().values()].map(({ recipient }) => recipient)
  const own = await sealDelta(vault, changed, owners, { ...header, sid, seen })
  const objects = [own]
  for (const { copy, terms, recipients } of await copyReaders(vault, sid)) {
    const covered = scopeRegisters(changed, terms, sites)
    const exp = Math.min(header.exp, terms.expiresAt ?? header.exp)
    if (covered.length === 0) continue
    const ended = covered.map((register) => endedBy(register, terms.expiresAt))
    for (const some of recipients)
      objects.push(await sealDelta(vault, ended, some, { ...header, exp, sid: copy, seen }))
  }
  return {
    objects: [...(members?.objects ?? []), ...objects.map(({ name, bytes }) => ({ name, bytes }))],
    superseded: members?.superseded ?? [],
    sid,
    mark: { writer: vault.writerId, clock: header.clock, header: own.headerId, exp: header.exp },
    members: members?.members ?? null,
    ...(members?.bots && { bots: members.bots }),
  }
}

/** As in a copy: no cookie lives on after the grant's end. */
export function endedBy(register: Register, end: number | null): Register {
  if (end === null || "deleted" in register) return register
  return { ...register, value: endCookiesIn(register.field, register.value, end) }
}

async function prepareAsBot(
  vault: VaultState,
  snapshot: Snapshot,
  changed: Register[],
  { clock, exp }: { clock: Clock; exp: number },
): Promise<Prepared> {
  const { sites, account } = snapshot
  const [site] = sites
  refuseEnded(vault, site, account)
  const grant = grantOf(vault, snapshot)
  if (grant?.mayWrite !== true || recordOf(vault, site, account) === undefined) {
    const message = `Cannot save back the session of ${site}: this identity may only read it; ask its owner to grant saving back`
    throw new PspError("not-granted", message)
  }
  const readers = await readersAsBot(vault, grant)
  const { sid } = grant
  const sealed = await sealDelta(vault, changed, readers, {
    clock,
    // Read by owners, who decide by when they first saw it: it does not end with the grant.
    exp,
    sid,
    seen: seenOf(vault.remembered, sid),
  })
  const mark = { writer: vault.writerId, clock, header: sealed.headerId, exp: sealed.header.exp }
  return { objects: [{ name: sealed.name, bytes: sealed.bytes }], superseded: [], sid, mark, members: null }
}

export function sealDelta(
  vault: VaultState,
  registers: Register[],
  recipients: string[],
  header: { clock: Clock; exp: number; sid: string; seen: Record<string, string> },
): Promise<SealedEnvelope> {
  return seal({
    header: { typ: "delta", vault: vault.id, ...header },
    plaintext: deltaPlaintext(registersToUpdate(registers)),
    recipients,
    writer: vault.identity,
  })
}
