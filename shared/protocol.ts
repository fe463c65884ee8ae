import { errorCodeOf, PspError, type ErrorCode } from "./errors.js"
import { isObjectName, isObjectPrefix, maxObjectBytes } from "./provider.js"
import {
  isAddressText,
  parseCredentialFacts,
  parseStoreFacts,
  type CredentialFact,
  type StoreFacts,
} from "./store-facts.js"

/**
 * The conversation between extension and native host, version 1.
 *
 * Every native message is one frame, JSON of at most 256 KiB:
 *
 *     data    { "id": 7, "seq": 0, "last": false, "head": { "type": "put", "name": … }, "data": "…" }
 *             { "id": 7, "seq": 1, "last": true, "data": "…" }
 *     ack     { "id": 7, "ack": 0 }
 *     abort   { "id": 7, "abort": { "code": "aborted", "message": "…" } }
 *
 *     extension                          host
 *        │  id 7 seq 0  head + slice  ──▶  │
 *        │  ◀──  id 7 ack 0                │     at most 4 data frames unacknowledged in each direction
 *        │  id 7 seq 1  last slice    ──▶  │
 *        │  ◀──  id 7 ack 1                │
 *        │  ◀──  id 7 seq 0 last  reply    │     the reply carries the id of its request
 *        │  id 7 ack 0                ──▶  │
 *
 * A message is a head (on seq 0, and only there) and a body, the joined `data` of its frames, at most 96 MiB. Each
 * direction sends one message after the other, never two interleaved. Every data frame is acknowledged, in order, also
 * one that is dropped; the last one of a message when the receiver has room for the next. An abort ends everything about
 * its id on both sides and is never answered; with id 0 it is about the conversation as a whole.
 *
 * The body stands for bytes, one code unit (0 to 255) for each: an envelope is ASCII, so it travels as itself.
 *
 * The first request is `hello`; its head, and the frame, must stay readable for every later version.
 */
export const protocolVersion = 1
export const hostName = "org.persistent_sessions.host"

export const maxFrameBytes = 256 * 1024
export const maxBodyLength = maxObjectBytes
export const frameWindow = 4

export type Frame = DataFrame | AckFrame | AbortFrame

export interface DataFrame {
  id: number
  seq: number
  last: boolean
  /** On seq 0, and only there. */
  head?: Head
  data: string
}

export interface AckFrame {
  id: number
  ack: number
}

export interface AbortFrame {
  id: number
  abort: Fault
}

export interface Fault {
  code: ErrorCode
  message: string
}

export type Head = Record<string, unknown>

/** What can be asked of the host, and what it answers; `list` answers in the body with JSON of `StoredObject[]`. */
export interface Exchanges {
  hello: { ask: { protocol: number; version: string }; answer: Hello }
  /** Body: the object. Answered only when it is durable. `expiresAt` (ms): when the store may let go of it. */
  put: { ask: { name: string; expiresAt?: number }; answer: Empty }
  /** Body of the answer: the object. */
  get: { ask: { name: string }; answer: { found: boolean } }
  list: { ask: { prefix: string }; answer: Empty }
  remove: { ask: { name: string }; answer: Empty }
  /**
   * Answered as soon as the names under the prefix are not those that `known` stands for, and after a while in any case: with what
   * stands for them now. Null: nothing is known yet.
   */
  watch: { ask: { prefix: string; known: string | null }; answer: { names: string } }
  /** Hands the extension's public card to this computer, for `psp trust` to find. */
  offer: { ask: { card: string }; answer: Empty }
  /** Which store this computer uses. A host that is older than this request answers `bad-message`. */
  store: { ask: object; answer: StoreFacts }
  /** What a store of this address can be given, and what of it is kept here: names, never values. */
  credentials: { ask: { address: string }; answer: { credentials: CredentialFact[] } }
  /**
   * Tries a store and, only when that went well, makes it the store of this computer; null: the folder in PSP_HOME.
   * An address that holds a password is refused, whatever it is of: see `shownAddress`.
   */
  "set-store": { ask: { address: string | null }; answer: StoreFacts }
}

export type RequestType = keyof Exchanges
export type Empty = Record<string, never>
export type Ask<K extends RequestType> = Exchanges[K]["ask"]
export type Answer<K extends RequestType> = Exchanges[K]["answer"]
export type Request = { [K in RequestType]: { type: K } & Ask<K> }[RequestType]

export interface Hello {
  protocol: number
  version: string
  /** null while this computer has no identity. The card is as untrusted as everything here until its fingerprint is seen. */
  computer: { card: string } | null
  store: StoreState
}

export interface StoreState {
  /** Scheme of the store's address. */
  kind: string
  ok: boolean
  /** The largest object that it takes (bytes), where that is less than a message: the vault cuts what is larger. */
  maxObjectBytes?: number
  code?: ErrorCode
  message?: string
}

const maxId = 0x7fffffff
const maxMessageLength = 1000
const kindPattern = /^[a-z][a-z0-9-]{0,31}$/
const versionPattern = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/
const digestPattern = /^[0-9a-f]{32}$/
const cardPattern = /^psp1[02-9ac-hj-np-z]{100,596}$/

/** @throws `bad-message` for anything that is not exactly one of the three frames. */
export function parseFrame(value: unknown): Frame {
  if (!isPlainObject(value)) throw bad("a frame", "it is not an object")
  const { id } = value
  if (!isCount(id)) throw bad("a frame", "its id is not a number from 0 to 2147483647")
  if ("ack" in value) {
    checkKeys(value, ["id", "ack"])
    if (!isCount(value["ack"])) throw bad("a frame", "its ack is not a frame number")
    return { id, ack: value["ack"] }
  }
  if ("abort" in value) {
    checkKeys(value, ["id", "abort"])
    return { id, abort: parseFault(value["abort"]) }
  }
  checkKeys(value, ["id", "seq", "last", "head", "data"])
  const { seq, last, head, data } = value
  if (id === 0) throw bad("a frame", "its id is 0, which no message has")
  if (!isCount(seq)) throw bad("a frame", "its seq is not a frame number")
  if (typeof last !== "boolean") throw bad("a frame", "its last is not true or false")
  if (typeof data !== "string" || data.length > maxFrameBytes) throw bad("a frame", "its data is not a text of a frame")
  if (seq > 0) {
    if (head !== undefined) throw bad("a frame", "a head comes after the first frame")
    return { id, seq, last, data }
  }
  if (!isPlainObject(head)) throw bad("a frame", "its head is not an object")
  return { id, seq, last, head, data }
}

/** @throws `bad-message`. Only `hello` forgives keys it does not know: a newer extension must be told that it is newer. */
export function parseRequest(head: Head): Request {
  switch (head["type"]) {
    case "hello":
      if (!isCount(head["protocol"]) || !isVersion(head["version"])) throw bad("hello", "its versions are missing")
      return { type: "hello", protocol: head["protocol"], version: head["version"] }
    case "put": {
      checkKeys(head, ["type", "name", "expiresAt"])
      const { name, expiresAt } = head
      if (!isObjectName(name)) throw bad("put", "its name is not the name of an object")
      if (expiresAt === undefined) return { type: "put", name }
      if (!isSize(expiresAt)) throw bad("put", "its end is not a time")
      return { type: "put", name, expiresAt }
    }
    case "get":
    case "remove": {
      const { type } = head
      checkKeys(head, ["type", "name"])
      if (!isObjectName(head["name"])) throw bad(type, "its name is not the name of an object")
      return { type, name: head["name"] }
    }
    case "list":
      checkKeys(head, ["type", "prefix"])
      if (!isObjectPrefix(head["prefix"])) throw bad("list", "its prefix is not the beginning of an object name")
      return { type: "list", prefix: head["prefix"] }
    case "watch": {
      checkKeys(head, ["type", "prefix", "known"])
      const { prefix, known } = head
      if (!isObjectPrefix(prefix)) throw bad("watch", "its prefix is not the beginning of an object name")
      if (known !== null && !isDigest(known)) throw bad("watch", "what it knows is no digest")
      return { type: "watch", prefix, known }
    }
    case "offer":
      checkKeys(head, ["type", "card"])
      if (!isCardText(head["card"])) throw bad("offer", "its card is not a card")
      return { type: "offer", card: head["card"] }
    case "store":
      checkKeys(head, ["type"])
      return { type: "store" }
    case "credentials":
      checkKeys(head, ["type", "address"])
      if (!isAddressText(head["address"])) throw bad("credentials", "its address is not a text of one line")
      return { type: "credentials", address: head["address"] }
    case "set-store": {
      checkKeys(head, ["type", "address"])
      const { address } = head
      if (address !== null && !isAddressText(address)) throw bad("set-store", "its address is not a text of one line")
      return { type: "set-store", address }
    }
    default:
      throw bad("a request", "this build does not know its type")
  }
}

/**
 * What the host answered, checked; keys it does not know are left aside.
 *
 * @throws the error that the host answered with; `host-garbled` when the answer is not one for `type`
 */
export function parseAnswer<K extends RequestType>(type: K, head: Head): Answer<K> {
  if ("error" in head) {
    const { code, message } = parseFault(head["error"])
    throw new PspError(code, message)
  }
  return answerParsers[type](head)
}

const answerParsers: { [K in RequestType]: (head: Head) => Answer<K> } = {
  hello: (head) => ({
    protocol: isCount(head["protocol"]) ? head["protocol"] : garbled("hello"),
    version: isVersion(head["version"]) ? head["version"] : garbled("hello"),
    computer: parseComputer(head["computer"]),
    store: parseStore(head["store"]),
  }),
  put: () => ({}),
  get: (head) => ({ found: typeof head["found"] === "boolean" ? head["found"] : garbled("get") }),
  list: () => ({}),
  remove: () => ({}),
  watch: (head) => ({ names: isDigest(head["names"]) ? head["names"] : garbled("watch") }),
  offer: () => ({}),
  store: (head) => parseStoreFacts(head) ?? garbled("store"),
  credentials: (head) => ({ credentials: parseCredentialFacts(head["credentials"]) ?? garbled("credentials") }),
  "set-store": (head) => parseStoreFacts(head) ?? garbled("set-store"),
}

/** The head of a reply that says what went wrong. */
export function errorHead({ code, message }: PspError): Head {
  return { error: faultOf({ code, message }) }
}

export function faultOf({ code, message }: Fault): Fault {
  return { code, message: message.slice(0, maxMessageLength) }
}

/** The id that a frame which cannot be read seems to be about; 0 when it does not tell. */
export function idOfBroken(value: unknown): number {
  return isPlainObject(value) && isCount(value["id"]) ? value["id"] : 0
}

/** True for what looks like a card; whether it is one, and whose, the reader of the card finds out. */
export function isCardText(value: unknown): value is string {
  return typeof value === "string" && cardPattern.test(value)
}

/** The body that stands for these bytes. */
export function bytesToBody(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes)
  // Every other character takes more bytes than code units, so this is ASCII, and the way that is ten times faster.
  return text.length === bytes.length && !text.includes("\ufffd") ? text : bytesToHeapText(bytes)
}

/**
 * As `bytesToBody`, slower, for a body of many such texts: what Chromium's decoder gives lies outside of the heap, where the
 * garbage of a hundred megabytes is nothing that the collector would come for.
 */
export function bytesToHeapText(bytes: Uint8Array): string {
  let text = ""
  for (let i = 0; i < bytes.length; i += 0x2000) text += String.fromCharCode(...bytes.subarray(i, i + 0x2000))
  return text
}

/** Writes the bytes that a body stands for; `into` is as long as it. @throws `bad-message` when a code unit is no byte */
export function fillFromBody(body: string, into: Uint8Array): void {
  const { read, written } = new TextEncoder().encodeInto(body, into)
  if (read === written && read === body.length) return
  for (let i = 0; i < body.length; i++) {
    const unit = body.charCodeAt(i)
    if (unit > 0xff) throw bad("a body", "it holds more than bytes")
    into[i] = unit
  }
}

function parseComputer(value: unknown): Hello["computer"] {
  if (value === null) return null
  return isPlainObject(value) && isCardText(value["card"]) ? { card: value["card"] } : garbled("hello")
}

function parseStore(value: unknown): StoreState {
  if (!isPlainObject(value)) return garbled("hello")
  const { kind, ok, maxObjectBytes, code, message } = value
  if (typeof kind !== "string" || !kindPattern.test(kind) || typeof ok !== "boolean") return garbled("hello")
  if (maxObjectBytes !== undefined && !isSize(maxObjectBytes)) return garbled("hello")
  return {
    kind,
    ok,
    ...(maxObjectBytes === undefined ? {} : { maxObjectBytes }),
    ...(code === undefined ? {} : { code: errorCodeOf(code) }),
    ...(typeof message === "string" ? { message: message.slice(0, maxMessageLength) } : {}),
  }
}

function parseFault(value: unknown): Fault {
  if (!isPlainObject(value) || typeof value["message"] !== "string") throw bad("an error", "it has no message")
  return faultOf({ code: errorCodeOf(value["code"]), message: value["message"] })
}

function checkKeys(value: Head, allowed: readonly string[]): void {
  if (!Object.keys(value).every((key) => allowed.includes(key))) throw bad("a message", "it has a key too many")
}

function isPlainObject(value: unknown): value is Head {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maxId
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && digestPattern.test(value)
}

function isVersion(value: unknown): value is string {
  return typeof value === "string" && versionPattern.test(value)
}

function bad(what: string, why: string): PspError {
  return new PspError("bad-message", `Cannot read ${what} on the native port: ${why}`)
}

function garbled(type: RequestType): never {
  throw new PspError("host-garbled", `Cannot read the native host's answer to ${type}: it is not of the expected form`)
}
