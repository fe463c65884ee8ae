import { base32 } from "@scure/base"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { base64ToBytes, utf8 } from "../bytes.js"
import { maxRecipients, parseName, seal, type SealedEnvelope, type SealInput } from "../envelope.js"
import { scopeBase } from "../grant-scope.js"
import { isGranted, isLive, type GrantRecord } from "../grants.js"
import { parseCard } from "../keys.js"
import type { CallOptions } from "../provider.js"
import { basePlaintext, type Base } from "../session-payload.js"
import { seenOf } from "./marks.js"
import type { LoadedSession } from "./load.js"
import { fold } from "./fold.js"
import { putWhole } from "./parts.js"
import type { VaultState } from "./state.js"
import { sessionFolder, toStored } from "./stored.js"

/**
 * What bots read are copies: bases of their own, beside the owners' bases and never among them.
 *
 *     <vault>/sessions/<id of the copy>/<clock>-<writer id>-<digest>.psp     sealed to bots only, signed by an owner
 *
 * A copy holds what its grants cover and ends when they do; bots with the same terms share it, and each save writes it anew
 * with the save's stamp. Its id is a keyed hash, so nothing shows of which session it is. Owners' bases are sealed to
 * owners alone: no end, scope or revocation of a grant touches them, and to revoke is to remove copies.
 */
export function copyIdOf(
  indexKey: string,
  { sid, kinds, names, expiresAt, sites }: Pick<GrantRecord, "sid" | "kinds" | "names" | "expiresAt" | "sites">,
): string {
  // No site begins so: the ids of sessions come from the same key.
  const noted = sites === undefined ? [] : [sites]
  // An object, so that no list of sites looks like it.
  const chosen = names === undefined ? [] : [{ names }]
  const text = `\0copy\0${sid}\0${JSON.stringify([kinds, expiresAt, ...noted, ...chosen])}`
  const tag = hmac(sha256, base64ToBytes(indexKey) ?? new Uint8Array(32), utf8(text))
  return base32.encode(tag.subarray(0, 16)).replaceAll("=", "").toLowerCase()
}

/** Grants of a session that count now; of all sessions when `sid` is left out. */
export function liveGrants(vault: VaultState, sid?: string): GrantRecord[] {
  const grants = vault.remembered.members?.grants ?? []
  return grants.filter((grant) => (sid === undefined || grant.sid === sid) && isLive(grant, vault.now()))
}

/** Ids of all copies that a grant ever named: those that somebody may read now, and those that may go. */
export function copyIds({ remembered }: VaultState, now: number): { live: Set<string>; dead: Set<string> } {
  const grants = remembered.members?.grants ?? []
  const live = new Set(grants.filter((grant) => isLive(grant, now)).map(({ copy }) => copy))
  const all = grants.flatMap(({ copy, old }) => [copy, ...old])
  return { live, dead: new Set(all.filter((id) => !live.has(id))) }
}

/** Who reads which copy of a session: for each set of terms the bots that have it, by as many as one envelope may have. */
export async function copyReaders(
  vault: VaultState,
  sid: string,
): Promise<{ copy: string; terms: GrantRecord; recipients: string[][] }[]> {
  const byCopy = new Map<string, [GrantRecord, ...GrantRecord[]]>()
  for (const grant of liveGrants(vault, sid)) byCopy.set(grant.copy, [grant, ...(byCopy.get(grant.copy) ?? [])])
  return Promise.all(
    [...byCopy].map(async ([copy, grants]) => {
      const cards = await Promise.all(grants.map(({ card }) => parseCard(card)))
      const all = [...new Set(cards.map(({ recipient }) => recipient))].sort()
      const recipients = Array.from({ length: Math.ceil(all.length / maxRecipients) }, (_, nth) =>
        all.slice(nth * maxRecipients, (nth + 1) * maxRecipients),
      )
      return { copy, terms: grants[0], recipients }
    }),
  )
}

/** A session for each set of terms that bots have for it. @throws `too-large` */
export async function sealCopies(
  vault: VaultState,
  sid: string,
  base: Base,
  { exp, ...header }: Pick<SealInput["header"], "clock" | "exp" | "seen">,
): Promise<SealedEnvelope[]> {
  const sealed: SealedEnvelope[] = []
  for (const { copy, terms, recipients } of await copyReaders(vault, sid)) {
    const scoped = scopeBase(base, terms)
    // What bots wrote lies beside it.
    const seen = { ...header.seen, ...seenOf(vault.remembered, copy) }
    for (const some of recipients) {
      const envelope = await seal({
        header: {
          typ: "base",
          vault: vault.id,
          sid: copy,
          ...header,
          seen,
          exp: Math.min(exp, terms.expiresAt ?? exp),
        },
        plaintext: basePlaintext(scoped.snapshot, scoped),
        recipients: some,
        writer: vault.identity,
      })
      sealed.push(envelope)
    }
  }
  return sealed
}

/**
 * Puts the newest state of a session where these copies lie, for whoever has a grant now, and removes what was there: what
 * else somebody could open stays nowhere. Copies keep the stamp of what they repeat, so that they hide no newer save.
 *
 * @param session null when its state is not known: then what was there only goes
 */
export async function renewCopies(
  vault: VaultState,
  copies: Iterable<string>,
  session: LoadedSession | null,
  { isCut, ...call }: CallOptions & { isCut: boolean },
): Promise<void> {
  const sealed =
    session === null
      ? []
      : await sealCopies(vault, session.sid, session.base(), {
          clock: session.clock,
          exp: session.expiresAt,
          seen: seenOf(vault.remembered, session.sid),
        })
  if (isCut && session?.isPlain === false) await fold(vault, session, call)
  for (const copy of new Set(copies)) {
    const before: string[] = []
    for await (const { name } of vault.provider.list(sessionFolder(vault, copy), call)) before.push(name)
    for (const envelope of sealed.filter(({ header }) => header.sid === copy)) {
      await putWhole(vault.provider, envelope, call)
    }
    // A newer one is by an owner whose save this device was not shown, and a bot's changes may be in nothing of the owners' yet:
    // they stay, unless they may be sealed to whom they must not.
    const writing = isCut ? await writersOf(vault, copy) : new Set<string>()
    const isReplaced = (name: string) => {
      const { clock = "", writer = "" } = toStored(name, 0) ?? {}
      if (isCut) return !writing.has(writer)
      return vault.authorOf({ writer, clock }) !== null && (session === null || clock <= session.clock)
    }
    for (const name of before) if (isReplaced(name)) await vault.provider.remove(name, call)
  }
}

/** Bots that may save back into a copy now: what they wrote is sealed to owners and to themselves. */
async function writersOf(vault: VaultState, copy: string): Promise<Set<string>> {
  const grants = liveGrants(vault).filter((grant) => grant.copy === copy && grant.mayWrite)
  return new Set(await Promise.all(grants.map(async ({ card }) => (await parseCard(card)).writerId)))
}

/** Whose object it is, by its name: the id of a copy, for one. */
export function folderIn(name: string): string {
  return name.split("/")[2] ?? ""
}

/** True for a copy that was sealed before a revocation and is put after it: it may be to whom it must not be. */
export function isOvertaken({ remembered }: VaultState, name: string): boolean {
  const id = folderIn(name)
  const named = (remembered.members?.grants ?? []).filter(({ copy, old }) => copy === id || old.includes(id))
  if (named.length === 0) return false
  if (!named.some((grant) => grant.copy === id && isGranted(grant))) return true
  // A mark begins with the clock of its revocation.
  const clock = parseName(name)?.clock ?? ""
  return named.some(({ revoked }) => revoked.some((mark) => mark > clock))
}
