import { base64ToBytes, utf8, utf8ToText, type Bytes } from "../bytes.js"
import { digestOf, maxEnvelopeBytes, parseName, type Header } from "../envelope.js"
import { PspError } from "../errors.js"
import type { CallOptions, Provider } from "../provider.js"

/**
 * An envelope above a store's limit is cut into parts, which go first; the object that names them goes last:
 *
 *     <vault>/sessions/<sid>/parts/<clock>-<writer id>-<digest>.psp   a slice of the envelope's bytes, nothing else
 *     <vault>/sessions/<sid>/<clock>-<writer id>-<digest>.psp         their list: JSON text, keys in this order
 *
 *     { "psp": 1, "hdr": as in the envelope, "parts": [ digest, … ], "size": bytes of the whole, "digest": of the whole }
 *
 * Clock and writer are the envelope's, each digest is of the object's own bytes. Nobody signs a list or a part: they are
 * read for nothing but to get the envelope back, which is then opened as always. It must have the size and digest that
 * the list says, and a header that gives its name, so what is swapped, missing, repeated, cut or foreign is refused here,
 * and a list that somebody makes up can lead to no other envelope than one that a trusted writer signed for this folder.
 *
 * Cutting needs no key and gives the same objects each time, so a repeated put is harmless, and a blind host or a copy to
 * another store can cut what was sealed long before. A save that broke off leaves parts that no list names; `compact`
 * removes them after a while.
 */
export interface PartList {
  hdr: string
  /** Digests, in order. */
  parts: string[]
  size: number
  digest: string
}

export interface NamedBytes {
  name: string
  bytes: Bytes
}

/** What keeps a list from becoming an envelope: the object to blame, and in which way. */
export interface PartFault {
  code: "missing" | "bit-rot" | "damaged"
  name: string
}

const maxParts = 4096
/** A list that begins so is none of an envelope. */
const listStart = utf8('{"psp":1,"hdr":"')

/** True for the name of a part; its bytes mean nothing alone. */
export function isPartName(name: string): boolean {
  return name.includes("/parts/")
}

/**
 * Puts an envelope under its name, in parts where the store asks for it.
 *
 * @returns the name under which `getWhole` finds it in this store
 * @throws `too-large`
 */
export async function putWhole(
  provider: Provider,
  { name, bytes }: { name: string; bytes: Uint8Array },
  call: CallOptions = {},
): Promise<string> {
  const expiresAt = endOf(bytes)
  const options = { ...call, ...(expiresAt === null ? {} : { expiresAt }) }
  const objects = await split(name, bytes, provider.maxObjectBytes ?? Infinity)
  for (const object of objects) await provider.put(object.name, object.bytes, options)
  const placed = objects.at(-1)?.name ?? name
  if (objects.length === 1) return placed
  // A compaction may have taken parts of a save that waited for long for left over, before their list was there.
  const shown = await namesWith(provider, keyOf(objects[0]?.name ?? ""), call)
  for (const part of objects.slice(0, -1))
    if (!shown.includes(part.name)) await provider.put(part.name, part.bytes, options)
  return placed
}

/**
 * The envelope that lies under a name, put together where it was cut; its name is then the one that it has in one piece.
 * Null when there is none. The bytes are still to be opened.
 *
 * @throws `damaged` when its parts do not give it back
 */
export async function getWhole(provider: Provider, name: string, call: CallOptions = {}): Promise<NamedBytes | null> {
  const bytes = await provider.get(name, call)
  if (bytes === null) return null
  const whole = await joinParts(provider, { name, bytes }, call)
  if ("bytes" in whole) return whole
  const what = whole.code === "missing" ? "one of its parts is not in the store" : "its parts do not fit together"
  throw new PspError("damaged", `Cannot read ${name.slice(-100)}: ${what}`)
}

/** As `getWhole`, for an object that was read already. */
export async function joinParts(
  provider: Provider,
  { name, bytes }: { name: string; bytes: Uint8Array },
  call: CallOptions = {},
): Promise<NamedBytes | PartFault> {
  const list = parseList(bytes)
  if (list === null) return { name, bytes: bytes as Bytes }
  const named = parseName(name)
  if ((await digestOf(bytes)) !== named?.digest) return { code: "bit-rot", name }
  const whole = new Uint8Array(list.size)
  let filled = 0
  for (const digest of list.parts) {
    const part = partName(named, digest)
    const slice = await provider.get(part, call)
    if (slice === null) return { code: "missing", name: part }
    if ((await digestOf(slice)) !== digest) return { code: "bit-rot", name: part }
    if (filled + slice.length > list.size) return { code: "damaged", name }
    whole.set(slice, filled)
    filled += slice.length
  }
  if (filled !== list.size || (await digestOf(whole)) !== list.digest) return { code: "damaged", name }
  // What a list says of its envelope is the envelope's own word: stores and `verify` go by it.
  if (hdrOf(whole) !== list.hdr) return { code: "damaged", name }
  return { name: `${named.folder}/${named.clock}-${named.writer}-${list.digest}.psp`, bytes: whole }
}

/**
 * Removes a part that no list names, unless one turns up meanwhile: whoever puts the list looks after that whether the
 * parts are all there, so one of the two sees it.
 *
 * @returns true when it was removed
 */
export async function removeUnnamed(provider: Provider, name: string, call: CallOptions): Promise<boolean> {
  const list = keyOf(name).replace("/parts/", "/")
  const bytes = await provider.get(name, call)
  if (bytes === null || (await namesWith(provider, list, call)).length > 0) return false
  await provider.remove(name, call)
  if ((await namesWith(provider, list, call)).length === 0) return true
  await provider.put(name, bytes, call)
  return false
}

/** The names of an object's parts; none for an envelope in one piece. */
export function partNames({ name, bytes }: { name: string; bytes: Uint8Array }): string[] {
  const named = parseName(name)
  const list = parseList(bytes)
  return named === null || list === null ? [] : list.parts.map((digest) => partName(named, digest))
}

/** The name that an envelope has in one piece, by what its object says: its own, or that of the whole that a list names. */
export function wholeName({ name, bytes }: { name: string; bytes: Uint8Array }): string {
  const named = parseName(name)
  const list = parseList(bytes)
  return named === null || list === null ? name : `${keyOf(name)}${list.digest}.psp`
}

/** The name that a list of parts would have by what it says of itself; null for what is no list. */
export async function listNameOf(bytes: Uint8Array): Promise<string | null> {
  const header = parseList(bytes) === null ? null : headerOf(bytes)
  const { vault, sid, clock, writer } = header ?? {}
  if (![vault, sid, clock, writer].every((text) => typeof text === "string")) return null
  return `${String(vault)}/sessions/${String(sid)}/${String(clock)}-${String(writer)}-${await digestOf(bytes)}.psp`
}

/** The objects that an envelope becomes under a limit (bytes), in the order in which they go out. @throws `too-large` */
export async function split(name: string, bytes: Uint8Array, limit: number): Promise<NamedBytes[]> {
  if (bytes.length <= limit) return [{ name, bytes: bytes as Bytes }]
  const named = parseName(name)
  const hdr = hdrOf(bytes)
  const tooLarge = new PspError(
    "too-large",
    `Cannot store an object of ${bytes.length} bytes: this store takes ${limit}; choose another one, or save less`,
  )
  if (named === null || hdr === null || !named.folder.includes("/sessions/")) throw tooLarge
  const parts: NamedBytes[] = []
  const digests: string[] = []
  for (let at = 0; at < bytes.length; at += limit) {
    const slice = bytes.slice(at, at + limit)
    const digest = await digestOf(slice)
    digests.push(digest)
    parts.push({ name: partName(named, digest), bytes: slice })
  }
  const list = utf8(textOf({ hdr, parts: digests, size: bytes.length, digest: named.digest }))
  if (list.length > limit || digests.length > maxParts) throw tooLarge
  const { folder, clock, writer } = named
  return [...parts, { name: `${folder}/${clock}-${writer}-${await digestOf(list)}.psp`, bytes: list }]
}

function partName({ folder, clock, writer }: { folder: string; clock: string; writer: string }, digest: string) {
  return `${folder}/parts/${clock}-${writer}-${digest}.psp`
}

/** All of a name but its digest. */
function keyOf(name: string): string {
  return name.slice(0, name.lastIndexOf("-") + 1)
}

async function namesWith(provider: Provider, prefix: string, call: CallOptions): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of provider.list(prefix, call)) names.push(name)
  return names
}

function textOf({ hdr, parts, size, digest }: PartList): string {
  return `{"psp":1,"hdr":"${hdr}","parts":${JSON.stringify(parts)},"size":${size},"digest":"${digest}"}`
}

/** Null for whatever is no list: an envelope, or something that opening it will refuse. */
function parseList(bytes: Uint8Array): PartList | null {
  const hdr = hdrOf(bytes)
  if (hdr === null || !startsWith(bytes, utf8('","parts":['), listStart.length + hdr.length)) return null
  let value: Partial<Record<keyof PartList, unknown>>
  let text: string
  try {
    text = utf8ToText(bytes)
    value = JSON.parse(text) as typeof value
  } catch {
    return null
  }
  const { parts, size, digest } = value
  if (!isDigestList(parts) || !isDigest(digest) || typeof size !== "number") return null
  if (!Number.isSafeInteger(size) || size < 1 || size > maxEnvelopeBytes) return null
  const list = { hdr, parts, size, digest }
  return textOf(list) === text ? list : null
}

/** A part that is named twice would be read twice: a short list could make a reader fetch gigabytes. */
function isDigestList(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.length <= maxParts && value.every(isDigest) && new Set(value).size === value.length
  )
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value)
}

/** The header as the object shows it at its start, in Base64; null for what is neither an envelope nor a list. */
function hdrOf(bytes: Uint8Array): string | null {
  if (!startsWith(bytes, listStart, 0)) return null
  const end = bytes.indexOf(0x22, listStart.length)
  const maxHdr = 24 * 1024
  if (end === -1 || end - listStart.length > maxHdr) return null
  const hdr = new TextDecoder("latin1").decode(bytes.subarray(listStart.length, end))
  return base64ToBytes(hdr) === null ? null : hdr
}

/** The end that an object claims (ms since epoch), for stores that let go of things by themselves; null: unknown. */
function endOf(bytes: Uint8Array): number | null {
  const exp = headerOf(bytes)?.exp
  return typeof exp === "number" ? exp : null
}

/** What an object claims of itself at its start; nothing of it is proved. */
function headerOf(bytes: Uint8Array): Partial<Record<keyof Header, unknown>> | null {
  const hdr = base64ToBytes(hdrOf(bytes) ?? "?")
  if (hdr === null) return null
  try {
    return JSON.parse(utf8ToText(hdr)) as Partial<Record<keyof Header, unknown>> | null
  } catch {
    return null
  }
}

function startsWith(bytes: Uint8Array, start: Uint8Array, at: number): boolean {
  return start.every((byte, index) => bytes[at + index] === byte)
}
