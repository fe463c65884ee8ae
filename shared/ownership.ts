import { base64, base64ToBytes, concat, utf8 } from "./bytes.js"
import { isPspError } from "./errors.js"
import { isClock, type Clock } from "./hlc.js"
import { isSignedBy, parseCard, sign, writerIdOf, type Card, type Identity } from "./keys.js"

/**
 * Who owns a vault: its first owner, whoever an owner added, in a chain of signed statements, and nobody whom one removed.
 *
 * A removal is for ever: keys that were given up never come back. It names the statements of the removed device that still count, so
 * nothing else that this device signs does, whatever time it writes on it; and it is the stronger one: it also ends what
 * the removed device says of others meanwhile. Two who remove each other are both out, as long as anybody else is in.
 */
export interface Ownership {
  /** By writer id. */
  owners: Map<string, Card>
  /** Removed ones, by writer id. */
  former: Map<string, FormerOwner>
}

export interface FormerOwner {
  card: Card
  /** When it was removed: what it stamped until then was an owner's. */
  until: Clock
  /** Writer id of the owner who removed it. */
  by: string
}

/** "This card is (no longer) an owner", signed by an owner. */
export interface OwnerStatement {
  action: "add" | "remove"
  card: string
  clock: Clock
  /** Writer id of the owner who says so. */
  by: string
  /** Of a removal: ids of the statements by the removed device that still count; left out, those of before. */
  knew?: string[]
  /** Base64 of Ed25519 over "psp/1 owner" || 0x00 || vault || 0x00 || action || 0x00 || clock || 0x00 || card [|| 0x00 || knew, by commas]. */
  sig: string
}

/** What a statement says, before anybody signed it. */
export type OwnerSays = Pick<OwnerStatement, "action" | "card" | "clock" | "knew">

export async function signOwnerStatement(
  identity: Identity,
  vault: string,
  statement: OwnerSays,
): Promise<OwnerStatement> {
  const sig = base64(sign(identity, statementBytes(vault, statement)))
  const { action, card, clock, knew } = statement
  return { action, card, clock, by: await writerIdOf(identity), ...(knew === undefined ? {} : { knew }), sig }
}

/** By which removals name a statement. */
export function statementId({ sig }: Pick<OwnerStatement, "sig">): string {
  return sig.slice(0, 22)
}

/** The vault's owners now, by writer id. */
export async function ownersOf(
  vault: string,
  told: { root: string; statements: OwnerStatement[] },
): Promise<Map<string, Card>> {
  return (await ownershipOf(vault, told)).owners
}

/** Depends on the set of statements only, never on the order in which a device learned of them. */
export async function ownershipOf(
  vault: string,
  { root: rootText, statements }: { root: string; statements: OwnerStatement[] },
): Promise<Ownership> {
  const root = await parseCard(rootText)
  const counting = decide(root, await genuineOf(vault, root, statements))
  const known = new Map([[root.writerId, root]])
  const former = new Map<string, FormerOwner>()
  for (const { action, about, clock, by } of counting) {
    if (action === "add") known.set(about.writerId, about)
    else if (!former.has(about.writerId)) former.set(about.writerId, { card: about, until: clock, by })
  }
  for (const id of former.keys()) if (!known.has(id)) former.delete(id)
  const owners = new Map([...known].filter(([id]) => !former.has(id)))
  if (owners.size === 0) {
    // A vault that nobody owns could never be opened again: whoever is in it for longest stays.
    former.delete(root.writerId)
    owners.set(root.writerId, root)
  }
  return { owners, former }
}

/** Who said of whom that it is out, both by writer id, whether that counts or not. */
export async function removalsOf(
  vault: string,
  { root, statements }: { root: string; statements: OwnerStatement[] },
): Promise<{ by: string; about: string }[]> {
  const genuine = await genuineOf(vault, await parseCard(root), statements)
  return genuine.filter(({ action }) => action === "remove").map(({ by, about }) => ({ by, about: about.writerId }))
}

/** Who was made an owner by whom and when, as far as it counts, oldest first; not the first owner, whom nobody made one. */
export async function additionsOf(
  vault: string,
  told: { root: string; statements: OwnerStatement[] },
): Promise<{ about: Card; by: string; clock: Clock }[]> {
  const root = await parseCard(told.root)
  const counting = decide(root, await genuineOf(vault, root, told.statements))
  return counting.filter(({ action }) => action === "add")
}

/**
 * Owners of now whom some that are, or were, owners had added, and whom those had added in turn.
 *
 * @param except one who is none of them, and whose own word nobody doubts: whoever asks
 */
export async function ownersLetInBy(
  vault: string,
  told: { root: string; statements: OwnerStatement[] },
  { ids, except }: { ids: ReadonlySet<string>; except: string },
): Promise<Card[]> {
  const additions = await additionsOf(vault, told)
  const found = new Set(ids)
  for (let before = -1; before < found.size;) {
    before = found.size
    for (const { about, by } of additions) {
      if (found.has(by) && about.writerId !== except) found.add(about.writerId)
    }
  }
  return [...(await ownersOf(vault, told)).values()].filter(({ writerId }) => found.has(writerId))
}

interface Genuine extends OwnerStatement {
  about: Card
}

/** Those that are signed by whom they say, oldest first. */
async function genuineOf(vault: string, root: Card, statements: OwnerStatement[]): Promise<Genuine[]> {
  const parsed = await Promise.all(statements.map(async (one) => ({ ...one, about: await cardOf(one) })))
  const all = parsed.filter((one): one is Genuine => one.about !== null)
  const cards = new Map([root, ...all.map(({ about }) => about)].map((card) => [card.writerId, card]))
  return all
    .filter((statement) => {
      const signer = cards.get(statement.by)
      return signer !== undefined && isSignedOnce(signer, vault, statement)
    })
    .sort((a, b) => compare(a.clock, b.clock) || compare(a.sig, b.sig))
}

/** Null for what is no card: it says nothing about anybody. */
async function cardOf({ card }: OwnerStatement): Promise<Card | null> {
  return parseCard(card).catch((error: unknown) => {
    if (isPspError(error, "bad-card")) return null
    throw error
  })
}

/**
 * The statements that count, oldest first. One counts when its signer was made an owner by one that counts, and no removal that
 * counts speaks against it. Where removals speak against each other in a circle, the earliest of them counts.
 */
function decide(root: Card, all: Genuine[]): Genuine[] {
  const counting: Genuine[] = []
  let open = all
  for (;;) {
    const reachable = introducedBy(root, [...counting, ...open])
    open = open.filter(({ by }) => reachable.has(by))
    const introduced = introducedBy(root, counting)
    const ready = open.filter(({ by }) => introduced.has(by))
    const settled = ready.filter((statement) => !open.some((other) => endsWord(other, statement)))
    const next = settled.length > 0 ? settled : ready.slice(0, 1)
    if (next.length === 0) break
    counting.push(...next)
    open = open.filter((one) => !next.includes(one) && !next.some((other) => endsWord(other, one)))
  }
  return all.filter((statement) => counting.includes(statement))
}

/** Writer ids of the first owner, and of whom these statements add in a chain that starts there. */
function introducedBy(root: Card, statements: Genuine[]): Set<string> {
  const ids = new Set([root.writerId])
  for (let before = 0; before < ids.size;) {
    before = ids.size
    for (const { action, about, by } of statements) if (action === "add" && ids.has(by)) ids.add(about.writerId)
  }
  return ids
}

/** True when a removal leaves another statement without effect: by whom it removes, and not known to whoever removed. */
function endsWord(removal: Genuine, statement: Genuine): boolean {
  if (removal === statement || removal.action !== "remove" || removal.about.writerId !== statement.by) return false
  const { knew } = removal
  const isKnown = knew === undefined ? statement.clock < removal.clock : knew.includes(statementId(statement))
  return !isKnown && !(statement.action === "remove" && statement.about.writerId === removal.by)
}

/** Statements that were checked before, with everything their signature depends on. */
const checked = new Map<string, boolean>()
const maxChecked = 1024

function isSignedOnce({ writer, writerId }: Card, vault: string, statement: OwnerStatement): boolean {
  const { action, card, clock, knew, sig } = statement
  const key = JSON.stringify([writerId, vault, action, card, clock, knew, sig])
  const known = checked.get(key)
  if (known !== undefined) return known
  const bytes = base64ToBytes(sig)
  const isSigned = bytes !== null && isSignedBy(writer, statementBytes(vault, statement), bytes)
  if (checked.size >= maxChecked) checked.clear()
  checked.set(key, isSigned)
  return isSigned
}

function statementBytes(vault: string, { action, card, clock, knew }: OwnerSays) {
  const known = knew === undefined ? "" : `\0${knew.join(",")}`
  return concat(utf8("psp/1 owner\0"), utf8(`${vault}\0${action}\0${clock}\0${card}${known}`))
}

/** Any two lists, in any order and however often, give the same one. */
export function mergeStatements(a: OwnerStatement[], b: OwnerStatement[]): OwnerStatement[] {
  const statements = new Map([...a, ...b].map((statement) => [statement.sig, statement]))
  return [...statements.values()].sort((x, y) => compare(x.clock, y.clock) || compare(x.sig, y.sig))
}

/** Null for what is none; keys it does not know are left aside. */
export function parseStatement(value: unknown): OwnerStatement | null {
  if (typeof value !== "object" || value === null) return null
  const { action, card, clock, by, knew, sig } = value as Partial<Record<keyof OwnerStatement, unknown>>
  if (action !== "add" && action !== "remove") return null
  if (typeof card !== "string" || typeof by !== "string" || typeof sig !== "string" || !isClock(clock)) return null
  if (knew === undefined) return { action, card, clock, by, sig }
  if (!isIdList(knew)) return null
  return { action, card, clock, by, knew, sig }
}

function isIdList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((id) => typeof id === "string" && /^[\w+/=-]{1,44}$/.test(id))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
