import { hmac } from "@noble/hashes/hmac.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 as sha256Sync } from "@noble/hashes/sha2.js"
import { Decrypter, Encrypter } from "age-encryption"
import {
  base64,
  base64CharsToBytes,
  base64Into,
  base64Length,
  base64ToBytes,
  concatAll,
  concat,
  equalBytes,
  randomBytes,
  u16be,
  u32be,
  u64be,
  utf8,
  utf8ToText,
  type Bytes,
} from "./bytes.js"
import { sha256 } from "./hash.js"
import { cobblestoneLength, decrypt, encryptInPlace } from "./cobblestone.js"
import { PspError, type ErrorCode } from "./errors.js"
import { isClock, isClockPlausible, type Clock } from "./hlc.js"
import { idOf, isSignedBy, recipientIdOf, secretOf, sign, writerIdOf, type Identity } from "./keys.js"

/**
 * The sealed envelope, version 1: safe to store anywhere. JSON text, keys in this order, Base64 with padding.
 *
 *     { "psp":   1,
 *       "hdr":   b64( UTF-8 JSON header; exactly these bytes are authenticated ),
 *       "wraps": [ { "to": recipient id, "age": b64( age v1 file of the 32-byte DEK ) } ],       1 to 32
 *       "ct":    b64( Cobblestone-256 of the padded plaintext under the DEK, context = header bytes ),
 *       "mac":   b64( HMAC-SHA-256( HKDF-SHA-256(DEK, info "psp/1 mac", 32), T ) ),
 *       "sig":   b64( Ed25519( writer, T || mac ) ) }
 *
 *     T = "psp/1" || 0x00 || u64be(length of header) || header || SHA-256(W) || SHA-256(ct)
 *     W = for each wrap: u16be(length) || recipient id || u32be(length) || age file
 *
 *     padded plaintext = u32be(length) || bytes || zeros, up to max(1 KiB, Padmé of the whole)
 *
 * The DEK is fresh for every envelope. Nothing is compressed: the site writes part of the plaintext, so a compressed
 * length would tell about the rest. The signature says who wrote it (anyone can seal to a public recipient), the MAC ties
 * all of it to the key, the commitment makes the key the only one that opens it.
 */
export interface Header {
  v: 1
  typ: EnvelopeType
  /** Vault id, 32 hex digits. */
  vault: string
  /** The session's id; the recipient's id for `member`, the writer's for `event`. */
  sid: string
  /** Writer id. */
  writer: string
  clock: Clock
  /** ms since epoch; never absent. */
  exp: number
  /** For each writer whose newest envelope of this sid was known: the id of that header. */
  seen: Record<string, string>
  cipher: "cobblestone-256"
  pad: "padme"
}

export const envelopeTypes = ["member", "base", "delta", "lease", "event", "part"] as const
export type EnvelopeType = (typeof envelopeTypes)[number]

export const maxEnvelopeBytes = 96 * 1024 * 1024
export const maxRecipients = 32
/** How long a session stays openable after a save unless the person chooses otherwise (ms). */
export const defaultLifetime = 30 * 24 * 60 * 60 * 1000

const minPadded = 1024
const maxHeaderBytes = 16 * 1024
const maxAgeFileBytes = 2048

export interface SealInput {
  header: Pick<Header, "typ" | "vault" | "sid" | "clock" | "exp"> & { seen?: Header["seen"] }
  plaintext: Uint8Array | Plaintext
  /** `age1…` strings, 1 to 32, without repetition. */
  recipients: string[]
  writer: Identity
}

/** Bytes that are written where they are sealed, so that there is no other copy of them. */
export interface Plaintext {
  length: number
  /** @param target as long as it */
  writeTo(target: Uint8Array): void
}

export interface SealedEnvelope {
  header: Header
  headerId: string
  /** First 16 bytes of SHA-256 of the object, hex. */
  digest: string
  /** Where it lies in a store. */
  name: string
  bytes: Bytes
}

/** What the reader asked for; whatever the envelope says must agree. */
export interface OpenOptions {
  reader: Identity
  /** The public key of a writer that may write such an envelope, or null: decides before anything is opened. */
  writerKey: (header: Header) => Uint8Array | null
  expected?: Partial<Pick<Header, "vault" | "sid">> & { typ?: readonly EnvelopeType[] }
  /** The name it was found under; recomputed and compared. */
  name?: string
  /** ms since epoch. */
  now: number
}

export interface OpenedEnvelope {
  header: Header
  headerId: string
  /** Recipient ids, in order. */
  recipients: string[]
  plaintext: Bytes
}

/** @throws `too-large`, `usage` for no or too many recipients */
export async function seal({ header: fields, plaintext, recipients, writer }: SealInput): Promise<SealedEnvelope> {
  const unique = [...new Set(recipients)]
  if (unique.length === 0 || unique.length > maxRecipients) {
    throw new PspError("usage", `Cannot seal to ${unique.length} recipients: expected 1 to ${maxRecipients}`)
  }
  const header: Header = {
    v: 1,
    typ: fields.typ,
    vault: fields.vault,
    sid: fields.sid,
    writer: await writerIdOf(writer),
    clock: fields.clock,
    exp: fields.exp,
    seen: fields.seen ?? {},
    cipher: "cobblestone-256",
    pad: "padme",
  }
  const headerBytes = utf8(JSON.stringify(header))
  const padded = paddedLength(plaintext.length)
  const ctLength = cobblestoneLength(padded)
  const start = maxBeforeOf(headerBytes.length, unique.length)
  const size = start + base64Length(ctLength) + afterLength
  if (size > maxEnvelopeBytes) {
    throw new PspError("too-large", `Cannot seal: ${size} bytes are more than an envelope may have (96 MiB)`)
  }
  // All in the room of the envelope: the plaintext at its end becomes the ciphertext there, and that the Base64 before it.
  const room = new Uint8Array(size)
  const dek = randomBytes(32)
  const ct = room.subarray(room.length - ctLength)
  try {
    pad(plaintext, ct.subarray(ctLength - padded))
    const [wraps] = await Promise.all([
      Promise.all(unique.map((recipient) => wrap(dek, recipient))),
      encryptInPlace(dek, headerBytes, ct, padded),
    ])
    const transcript = await transcriptOf(headerBytes, wraps, ct)
    const mac = macOf(dek, transcript)
    base64Into(ct, room.subarray(start))
    const before = utf8(
      textBefore(
        base64(headerBytes),
        wraps.map(({ to, age }) => ({ to, age: base64(age) })),
      ),
    )
    if (before.length > start) throw new PspError("internal", "Cannot seal: a wrapped key is larger than it may be")
    const bytes = room.subarray(start - before.length)
    bytes.set(before)
    bytes.set(utf8(textAfter(base64(mac), base64(sign(writer, concat(transcript, mac))))), bytes.length - afterLength)
    const digest = await digestOf(bytes)
    return { header, headerId: await idOf(headerBytes), digest, name: nameOf(header, digest), bytes }
  } catch (error) {
    room.fill(0)
    throw error
  } finally {
    dek.fill(0)
  }
}

/**
 * Opens an envelope, checking in this order: size, JSON, shape, Base64, header, name, writer, signature, context, times,
 * wrap, MAC, commitment, chunks, padding. Nothing of it is used before the signature of an allowed writer passed.
 *
 * @throws `damaged`, `too-new`, `not-trusted`, `not-for-me`, `expired`. Outward that is all; the step that refused is in
 *   `cause`, for `--debug`.
 */
export async function open(bytes: Uint8Array, options: OpenOptions): Promise<OpenedEnvelope> {
  const parsed = await parse(bytes)
  const { header, headerBytes, headerId, wraps, ct, mac, sig } = parsed
  if (options.name !== undefined && nameOf(header, await digestOf(bytes)) !== options.name)
    throw refuse("damaged", "name")
  const key = options.writerKey(header)
  if (key === null || (await idOf(key)) !== header.writer) throw refuse("not-trusted", "writer")
  const transcript = await transcriptOf(headerBytes, wraps, ct)
  if (!isSignedBy(key, concat(transcript, mac), sig)) throw refuse("damaged", "signature")
  if (!isExpected(header, options.expected)) throw refuse("damaged", "context")
  if (header.exp <= options.now) throw refuse("expired", "exp")
  if (!isClockPlausible(header.clock, options.now)) throw refuse("damaged", "clock")
  const dek = await unwrap(wraps, options.reader)
  try {
    if (!equalBytes(macOf(dek, transcript), mac)) throw refuse("damaged", "mac")
    const padded = await decrypt(dek, headerBytes, ct)
    if (padded === null) throw refuse("damaged", "body")
    const plaintext = unpad(padded)
    if (plaintext === null) throw refuse("damaged", "padding")
    return { header, headerId, recipients: wraps.map(({ to }) => to), plaintext }
  } finally {
    dek.fill(0)
  }
}

/**
 * The header of an envelope as it claims to be: nothing in it is proved. For names, listings and choosing whom to ask.
 *
 * @throws `damaged`, `too-new`
 */
export async function readHeader(bytes: Uint8Array): Promise<{ header: Header; headerId: string }> {
  return parse(bytes)
}

/** The folder and name an envelope has in every store; never site text. */
export function nameOf(header: Header, digest: string): string {
  return `${folderOf(header)}/${header.clock}-${header.writer}-${digest}.psp`
}

export function folderOf({ typ, vault, sid }: Pick<Header, "typ" | "vault" | "sid">): string {
  const room = typ === "member" ? "members" : typ === "event" ? "events" : "sessions"
  return `${vault}/${room}/${sid}${typ === "lease" ? "/leases" : ""}`
}

/** What an object's name says; null for a name that is none of ours. */
export function parseName(name: string): { folder: string; clock: Clock; writer: string; digest: string } | null {
  const match = /^(.+)\/([0-9a-f]{16})-([0-9a-f]{32})-([0-9a-f]{32})\.psp$/.exec(name)
  if (match === null) return null
  const [, folder = "", clock = "", writer = "", digest = ""] = match
  return { folder, clock, writer, digest }
}

export async function digestOf(bytes: Uint8Array): Promise<string> {
  return idOf(bytes)
}

interface Wrap {
  to: string
  age: Bytes
}

interface ParsedEnvelope {
  header: Header
  headerBytes: Bytes
  headerId: string
  wraps: Wrap[]
  ct: Bytes
  mac: Bytes
  sig: Bytes
}

async function parse(bytes: Uint8Array): Promise<ParsedEnvelope> {
  if (bytes.length > maxEnvelopeBytes) throw refuse("damaged", "size")
  // Told first, because what comes after may be of any form.
  const [, version = "1"] = /^\{"psp":(\d{1,15})[,}]/.exec(latin1.decode(bytes.subarray(0, 32))) ?? []
  if (Number(version) > 1) throw refuse("too-new", "psp")
  const ctChars = ctOf(bytes)
  const around = ctChars === null ? bytes : without(bytes, ctChars)
  let text: string
  let outer: unknown
  try {
    text = utf8ToText(around)
    outer = JSON.parse(text)
  } catch {
    throw refuse("damaged", "JSON")
  }
  if (!isRecord(outer)) throw refuse("damaged", "shape")
  if (typeof outer["psp"] === "number" && outer["psp"] > 1) throw refuse("too-new", "psp")
  const { psp, hdr, wraps, ct, mac, sig } = outer
  if (psp !== 1 || !isText(hdr) || !isText(ct) || !isText(mac) || !isText(sig) || !isWrapList(wraps)) {
    throw refuse("damaged", "shape")
  }
  // One text for one envelope: fixed key order, no unknown or repeated key, no white space, no escapes.
  const before = textBefore(
    hdr,
    wraps.map(({ to, age }) => ({ to, age })),
  )
  if (ctChars === null || before + textAfter(mac, sig) !== text) throw refuse("damaged", "not canonical JSON")
  const decoded = wraps.map(({ to, age }) => ({ to, age: decode(age, maxAgeFileBytes) }))
  if (new Set(wraps.map(({ to }) => to)).size !== wraps.length) throw refuse("damaged", "wraps repeat")
  const headerBytes = decode(hdr, maxHeaderBytes)
  const ciphertext = base64CharsToBytes(ctChars)
  if (ciphertext === null) throw refuse("damaged", "Base64")
  return {
    header: parseHeader(headerBytes),
    headerBytes,
    headerId: await idOf(headerBytes),
    wraps: decoded,
    ct: ciphertext,
    mac: decode(mac, 32),
    sig: decode(sig, 64),
  }
}

/** What stands before `ct` in the one text of an envelope: joined by hand, because Base64 has nothing to escape. */
function textBefore(hdr: string, wraps: { to: string; age: string }[]): string {
  return `{"psp":1,"hdr":"${hdr}","wraps":${JSON.stringify(wraps)}${ctStart}`
}

function textAfter(mac: string, sig: string): string {
  return `","mac":"${mac}","sig":"${sig}"}`
}

const ctStart = ',"ct":"'

/** Header and wraps as Base64, and what JSON puts between them. */
function maxBeforeOf(headerLength: number, recipients: number): number {
  return base64Length(headerLength) + recipients * (base64Length(maxAgeFileBytes) + 64) + 64
}

/** MAC and signature have one length, so the end of an envelope has, too. */
const afterLength = textAfter("-".repeat(base64Length(32)), "-".repeat(base64Length(64))).length

/**
 * The characters of `ct`, which is nearly all of an envelope: megabytes that are never made a text. Null where they are not
 * found, and then it is none. That what stands around them is right is for the caller to see.
 */
function ctOf(bytes: Uint8Array): Uint8Array | null {
  const before = latin1.decode(bytes.subarray(0, maxBeforeOf(maxHeaderBytes, maxRecipients))).indexOf(ctStart)
  const [start, end] = [before + ctStart.length, bytes.length - afterLength]
  return before < 0 || start > end ? null : bytes.subarray(start, end)
}

function without(bytes: Uint8Array, part: Uint8Array): Bytes {
  const start = part.byteOffset - bytes.byteOffset
  return concat(bytes.subarray(0, start), bytes.subarray(start + part.length))
}

const latin1 = new TextDecoder("latin1")

function parseHeader(bytes: Uint8Array): Header {
  let value: unknown
  try {
    value = JSON.parse(utf8ToText(bytes))
  } catch {
    throw refuse("damaged", "header JSON")
  }
  if (!isRecord(value)) throw refuse("damaged", "header shape")
  if (typeof value["v"] === "number" && value["v"] > 1) throw refuse("too-new", "header version")
  if (!isHeader(value)) throw refuse("damaged", "header shape")
  return value
}

const headerKeys = ["v", "typ", "vault", "sid", "writer", "clock", "exp", "seen", "cipher", "pad"] as const

function isHeader(value: Record<string, unknown>): value is Record<string, unknown> & Header {
  const { v, typ, vault, sid, writer, clock, exp, seen, cipher, pad } = value
  return (
    Object.keys(value).length === headerKeys.length &&
    headerKeys.every((key) => Object.hasOwn(value, key)) &&
    v === 1 &&
    (envelopeTypes as readonly unknown[]).includes(typ) &&
    isHexId(vault) &&
    typeof sid === "string" &&
    /^[0-9a-z]{26,32}$/.test(sid) &&
    isHexId(writer) &&
    isClock(clock) &&
    Number.isSafeInteger(exp) &&
    isRecord(seen) &&
    Object.entries(seen).every(([id, mark]) => isHexId(id) && isHexId(mark)) &&
    cipher === "cobblestone-256" &&
    pad === "padme"
  )
}

function isExpected(header: Header, expected: OpenOptions["expected"] = {}): boolean {
  const { typ, vault, sid } = expected
  return (
    (typ === undefined || typ.includes(header.typ)) &&
    (vault === undefined || vault === header.vault) &&
    (sid === undefined || sid === header.sid)
  )
}

async function transcriptOf(headerBytes: Uint8Array, wraps: Wrap[], ct: Uint8Array): Promise<Bytes> {
  const wrapBytes = wraps.flatMap(({ to, age }) => {
    const id = utf8(to)
    return [u16be(id.length), id, u32be(age.length), age]
  })
  const [wrapsHash, ctHash] = await Promise.all([sha256(concatAll(wrapBytes)), sha256(ct)])
  return concat(utf8("psp/1\0"), u64be(headerBytes.length), headerBytes, wrapsHash, ctHash)
}

function macOf(dek: Uint8Array, transcript: Uint8Array): Bytes {
  const key = hkdf(sha256Sync, dek, undefined, utf8("psp/1 mac"), 32)
  return hmac(sha256Sync, key, transcript)
}

async function wrap(dek: Uint8Array, recipient: string): Promise<Wrap> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  return { to: await idOf(utf8(recipient)), age: (await encrypter.encrypt(dek)) as Bytes }
}

async function unwrap(wraps: Wrap[], reader: Identity): Promise<Uint8Array> {
  const mine = await recipientIdOf(reader)
  const found = wraps.find(({ to }) => to === mine)
  if (found === undefined) throw refuse("not-for-me", "no wrap")
  const dek = await openAgeFile(found.age, secretOf(reader))
  if (dek?.length !== 32) throw refuse("damaged", "wrap")
  return dek
}

/** What an age file sealed to this identity holds; null for one that is damaged or sealed to others. */
export async function openAgeFile(file: Uint8Array, age: string): Promise<Uint8Array | null> {
  try {
    const decrypter = new Decrypter()
    decrypter.addIdentity(age)
    return await decrypter.decrypt(file)
  } catch {
    // The library throws plain errors for every fault of a file.
    return null
  }
}

/** Into room that is all zeros. */
function pad(plaintext: Uint8Array | Plaintext, padded: Uint8Array): void {
  padded.set(u32be(plaintext.length))
  const target = padded.subarray(4, 4 + plaintext.length)
  if (plaintext instanceof Uint8Array) target.set(plaintext)
  else plaintext.writeTo(target)
}

/** A part of what was padded: whoever keeps it keeps all of it. */
function unpad(padded: Bytes): Bytes | null {
  if (padded.length < minPadded) return null
  const length = new DataView(padded.buffer, padded.byteOffset).getUint32(0)
  if (length > padded.length - 4 || paddedLength(length) !== padded.length) return null
  for (let i = 4 + length; i < padded.length; i++) if (padded[i] !== 0) return null
  return padded.subarray(4, 4 + length)
}

/** Padmé: at most 12 % more, and a length tells only O(log log) bits. Nikitin et al., PETS 2019, §4 */
function paddedLength(length: number): number {
  const whole = length + 4
  if (whole <= minPadded) return minPadded
  const exponent = Math.floor(Math.log2(whole))
  const kept = Math.floor(Math.log2(exponent)) + 1
  const step = 2 ** (exponent - kept)
  return Math.ceil(whole / step) * step
}

const sentences = {
  damaged: "Cannot open envelope: it is damaged or was changed after it was sealed",
  "too-new": "Cannot open envelope: it was sealed by a newer version; update this one",
  "not-trusted": "Cannot open envelope: it was written by somebody this vault does not trust",
  "not-for-me": "Cannot open envelope: it is not sealed to this identity",
  expired: "Cannot open envelope: it has expired",
} as const satisfies Partial<Record<ErrorCode, string>>

function refuse(code: keyof typeof sentences, step: string): PspError {
  return new PspError(code, sentences[code], { cause: new Error(`refused at: ${step}`) })
}

function decode(text: string, maxBytes: number): Bytes {
  if (text.length > Math.ceil(maxBytes / 3) * 4) throw refuse("damaged", "Base64 length")
  const bytes = base64ToBytes(text)
  if (bytes === null) throw refuse("damaged", "Base64")
  return bytes
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === "string"
}

function isHexId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value)
}

function isWrapList(value: unknown): value is { to: string; age: string }[] {
  return (
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= maxRecipients &&
    value.every((item: unknown) => isRecord(item) && isHexId(item["to"]) && isText(item["age"]))
  )
}
