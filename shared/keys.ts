import { ed25519 } from "@noble/curves/ed25519.js"
import { bech32 } from "@scure/base"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import { generateX25519Identity, identityToRecipient } from "age-encryption"
import { concat, equalBytes, hex, hexToBytes, randomBytes, utf8, utf8ToText, type Bytes } from "./bytes.js"
import { sha256 } from "./hash.js"
import { PspError } from "./errors.js"

/**
 * Who is who.
 *
 * Identity, one secret line: `PSP-IDENTITY-1…`, bech32 of
 *
 *     version 1 || Ed25519 seed 32 || vault id 16 (zeros: none) || age secret 32 || UTF-8 name
 *
 * Card, one public string: `psp1…`, bech32 of
 *
 *     version 1 || Ed25519 public key 32 || age public key 32 || vault id 16 (zeros: none) || UTF-8 name
 *       || Ed25519 signature 64 by that writer key over "psp/1 card" || 0x00 || all of the above
 */
export interface Identity {
  /** What people call this device or bot. */
  name: string
  /** `AGE-SECRET-KEY-1…`: opens. null while it is locked: then it signs and seals, and opens nothing. */
  age: string | null
  /** `age1…`: what one seals to; needed only where `age` is null. */
  recipient?: string
  /** Ed25519 seed, 32 bytes: signs. */
  writer: Uint8Array
  /** The vault this identity owns, 32 hex digits; null for a bot that owns none. */
  vault: string | null
}

/** One that is not locked. */
export type OpenIdentity = Identity & { age: string }

export interface Card {
  name: string
  /** `age1…`: what one seals to. */
  recipient: string
  /** First 16 bytes of SHA-256 of the recipient string, hex. */
  recipientId: string
  /** Ed25519 public key, 32 bytes. */
  writer: Uint8Array
  /** First 16 bytes of SHA-256 of the writer key, hex. */
  writerId: string
  /** The vault its holder owns, 32 hex digits; null where it owns none. */
  vault: string | null
  /** Six words over both keys: the same on every screen. */
  fingerprint: string
  /** The card itself. */
  text: string
}

const version = 1
const maxNameBytes = 64
const maxTextLength = 600
const noVault = new Uint8Array(16)
/** Control characters, line separators and bidi controls: with them one name can be made to look like another. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const cardLabel = utf8("psp/1 card\0")

/** A new identity that owns a new vault. @throws `usage` for a name that is empty or longer than 64 bytes. */
export async function createIdentity(name: string): Promise<OpenIdentity> {
  return { name: checkedName(name), age: await generateX25519Identity(), writer: randomBytes(32), vault: newVaultId() }
}

/** The identity that these secrets make, 32 bytes each; it names no vault. @throws `usage` as `createIdentity` */
export function identityOf(name: string, { age, writer }: { age: Uint8Array; writer: Uint8Array }): Identity {
  const secret = encodeBech32("age-secret-key-", age).toUpperCase()
  return { name: checkedName(name), age: secret, writer: writer.slice(), vault: null }
}

export function newVaultId(): string {
  return hex(randomBytes(16))
}

/**
 * The identity as one line of text. Whoever reads it is this identity: keep it in a 0600 file or a secret store.
 *
 * @throws `locked`
 */
export function identityToText(identity: Identity): string {
  const age = ageSecretBytes(secretOf(identity))
  const body = concat(
    Uint8Array.of(version),
    identity.writer,
    vaultBytes(identity.vault),
    age,
    utf8(checkedName(identity.name)),
  )
  return encodeBech32("psp-identity-", body).toUpperCase()
}

/** @throws `bad-identity`; the message never repeats the text. */
export function parseIdentity(text: string): OpenIdentity {
  const bad = (why: string) => new PspError("bad-identity", `Cannot read identity: ${why}`)
  const line = text.trim()
  if (!line.startsWith("PSP-IDENTITY-1")) throw bad("expected a line that starts with PSP-IDENTITY-1")
  // Mixed case is refused (BIP 173).
  const body = line === line.toUpperCase() ? decodeBech32(line.toLowerCase(), "psp-identity-") : null
  if (body === null) throw bad("it is damaged or cut off")
  if (body[0] !== version) throw new PspError("too-new", "Cannot read identity: it was written by a newer version")
  if (body.length <= 81) throw bad("it is too short")
  const name = decodeName(body.subarray(81))
  if (name === null) throw bad("its name is not text of 1 to 64 bytes")
  return {
    name,
    age: encodeBech32("age-secret-key-", body.subarray(49, 81)).toUpperCase(),
    writer: body.slice(1, 33),
    vault: vaultOf(body.slice(33, 49)),
  }
}

/** `age1…`: what one seals to for an identity, locked or not. */
export async function recipientOf({ age, recipient }: Identity): Promise<string> {
  return age === null ? (recipient ?? "") : identityToRecipient(age)
}

/** What opens. @throws `locked` */
export function secretOf({ age, name }: Identity): string {
  if (age !== null) return age
  throw new PspError("locked", `Cannot open anything as "${name}": it is locked; unlock it with its passphrase`)
}

/** The same without what opens. */
export async function lockedIdentity(identity: Identity): Promise<Identity> {
  const { name, writer, vault } = identity
  return { name, writer, vault, age: null, recipient: await recipientOf(identity) }
}

/** The public card of an identity, signed by it. */
export async function createCard(identity: Identity): Promise<string> {
  const recipient = await recipientOf(identity)
  const body = concat(
    Uint8Array.of(version),
    ed25519.getPublicKey(identity.writer),
    recipientBytes(recipient),
    vaultBytes(identity.vault),
    utf8(checkedName(identity.name)),
  )
  return encodeBech32("psp", concat(body, ed25519.sign(concat(cardLabel, body), identity.writer)))
}

/**
 * Reads a card and checks that it was signed by the writer key in it, so that nobody can put another's recipient or name
 * beside a writer key. It says nothing about who that is: that is what the fingerprint is for.
 *
 * @throws `bad-card`, `too-new`
 */
export function parseCard(text: string): Promise<Card> {
  const known = parsedCards.get(text)
  if (known !== undefined) return known
  const parsing = parseNewCard(text)
  if (parsedCards.size >= maxParsedCards) parsedCards.clear()
  parsedCards.set(text, parsing)
  parsing.catch(() => parsedCards.delete(text))
  return parsing
}

/** A vault reads the cards of its owners at every turn, and each costs a signature check. */
const parsedCards = new Map<string, Promise<Card>>()
const maxParsedCards = 256

async function parseNewCard(text: string): Promise<Card> {
  const bad = (why: string) => new PspError("bad-card", `Cannot read card: ${why}`)
  const line = text.trim()
  if (!line.startsWith("psp1")) throw bad("expected a text that starts with psp1")
  const bytes = decodeBech32(line, "psp")
  if (bytes === null) throw bad("it is damaged or cut off; copy the whole line again")
  if (bytes[0] !== version) throw new PspError("too-new", "Cannot read card: it was made by a newer version")
  if (bytes.length <= 81 + 64) throw bad("it is too short")
  const body = bytes.slice(0, -64)
  const writer = body.slice(1, 33)
  if (!isSignedBy(writer, concat(cardLabel, body), bytes.slice(-64))) throw bad("its signature does not fit")
  const name = decodeName(body.subarray(81))
  if (name === null) throw bad("its name is not text of 1 to 64 bytes")
  const recipient = encodeBech32("age", body.subarray(33, 65))
  return {
    name,
    recipient,
    recipientId: await idOf(utf8(recipient)),
    writer,
    writerId: await idOf(writer),
    vault: vaultOf(body.slice(65, 81)),
    fingerprint: await fingerprintOf(writer, body.subarray(33, 65)),
    text: line,
  }
}

/** A recipient's or writer's short name: the first 16 bytes of SHA-256, hex. */
export async function idOf(bytes: Uint8Array): Promise<string> {
  return hex((await sha256(bytes)).subarray(0, 16))
}

const writerIds = new WeakMap<Identity, Promise<string>>()
const recipientIds = new WeakMap<Identity, Promise<string>>()

/** Writer id of an identity; computed once for each identity object. */
export function writerIdOf(identity: Identity): Promise<string> {
  return once(writerIds, identity, () => idOf(ed25519.getPublicKey(identity.writer)))
}

/** Recipient id of an identity; computed once for each identity object. */
export function recipientIdOf(identity: Identity): Promise<string> {
  return once(recipientIds, identity, async () => idOf(utf8(await recipientOf(identity))))
}

function once<K extends object, V>(cache: WeakMap<K, V>, key: K, make: () => V): V {
  const known = cache.get(key)
  if (known !== undefined) return known
  const made = make()
  cache.set(key, made)
  return made
}

export function sign(identity: Identity, message: Uint8Array): Bytes {
  return ed25519.sign(message, identity.writer)
}

/** Strict RFC 8032 verification: one message and key, one signature that passes. */
export function isSignedBy(writer: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return signature.length === 64 && ed25519.verify(signature, message, writer, { zip215: false })
  } catch {
    return false
  }
}

/** Six words of 11 bits each over SHA-256 of both keys. */
async function fingerprintOf(writer: Uint8Array, recipient: Uint8Array): Promise<string> {
  const digest = await sha256(concat(writer, recipient))
  let bits = 0n
  for (const byte of digest.subarray(0, 9)) bits = (bits << 8n) | BigInt(byte)
  const word = (index: number) => wordlist[Number((bits >> BigInt(72 - 11 * (index + 1))) & 0x7ffn)] ?? ""
  return Array.from({ length: 6 }, (_, index) => word(index)).join(" ")
}

function checkedName(name: string): string {
  const trimmed = name.trim()
  if (decodeName(utf8(trimmed)) === null) {
    throw new PspError(
      "usage",
      `Cannot use this name: expected 1 to ${maxNameBytes} bytes of text without control characters`,
    )
  }
  return trimmed
}

function decodeName(bytes: Uint8Array): string | null {
  if (bytes.length === 0 || bytes.length > maxNameBytes) return null
  try {
    const name = utf8ToText(bytes)
    return unprintable.test(name) ? null : name
  } catch {
    return null
  }
}

/** BIP 173 without its limit of 90 characters, which is about hand-copied addresses. */
function encodeBech32(prefix: string, bytes: Uint8Array): string {
  return bech32.encode(prefix, bech32.toWords(bytes), false)
}

/** Exactly one text for the bytes: no mixed case, no other prefix. */
function decodeBech32(text: string, prefix: string): Bytes | null {
  if (text.length > maxTextLength) return null
  try {
    const decoded = bech32.decode(text as `${string}1${string}`, false)
    const bytes = bech32.fromWords(decoded.words)
    return decoded.prefix === prefix && encodeBech32(prefix, bytes) === text ? bytes.slice() : null
  } catch {
    return null
  }
}

function ageSecretBytes(age: string): Bytes {
  const decoded = decodeBech32(age.toLowerCase(), "age-secret-key-")
  if (decoded?.length !== 32) throw new PspError("bad-identity", "Cannot write identity: expected an X25519 age key")
  return decoded
}

function recipientBytes(recipient: string): Bytes {
  const decoded = decodeBech32(recipient, "age")
  if (decoded?.length !== 32) throw new PspError("bad-card", "Cannot write card: expected an X25519 age recipient")
  return decoded
}

function vaultBytes(vault: string | null): Bytes {
  return vault === null ? noVault : (hexToBytes(vault) ?? noVault)
}

function vaultOf(bytes: Uint8Array): string | null {
  return equalBytes(bytes, noVault) ? null : hex(bytes)
}
