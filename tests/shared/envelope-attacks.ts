import type * as envelope from "../../shared/envelope.js"
import { base64 } from "../../shared/bytes.js"
import type { Header } from "../../shared/envelope.js"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, parseCard, type Card, type Identity } from "../../shared/keys.js"
import { forge, recipientOf, type Forge } from "./envelope-forge.js"

/**
 * Everything hostile that is tried on `open`, as a function of the module under test: the suite runs it on the real one
 * and expects nothing accepted, then on copies with one check taken out and expects to hear of it.
 */
export type EnvelopeModule = Pick<typeof envelope, "open" | "seal">

export interface Outcome {
  tried: number
  /** What was accepted that must not be, and what was refused that must not be. */
  failures: string[]
}

const now = 1_800_000_000_000

interface Cast {
  owner: Identity
  ownerCard: Card
  reader: Identity
  readerRecipient: string
}

async function createCast(): Promise<Cast> {
  const owner = await createIdentity("owner")
  const reader = await createIdentity("reader")
  return {
    owner,
    ownerCard: await parseCard(await createCard(owner)),
    reader,
    readerRecipient: await recipientOf(reader),
  }
}

const vault = "0123456789abcdef0123456789abcdef"
const sid = "abcdefghijklmnopqrstuvwxyz"
const headerFields = {
  v: 1,
  typ: "base",
  vault,
  sid,
  clock: clockAt(now - 1000),
  exp: now + 1_000_000,
  seen: {},
  cipher: "cobblestone-256",
  pad: "padme",
} as const satisfies Omit<Header, "writer">

function opener(module: EnvelopeModule, { reader, ownerCard }: Cast) {
  return async (bytes: Uint8Array, name?: string): Promise<Uint8Array | null> => {
    try {
      const opened = await module.open(bytes, {
        reader,
        writerKey: ({ writer }) => (writer === ownerCard.writerId ? ownerCard.writer : null),
        expected: { vault, sid, typ: ["base"] },
        ...(name === undefined ? {} : { name }),
        now,
      })
      return opened.plaintext
    } catch (error) {
      const code = (error as { code?: unknown }).code
      if (["damaged", "not-trusted", "not-for-me", "expired", "too-new"].includes(String(code))) return null
      throw error
    }
  }
}

/** What a writer that is trusted may still not do, and what an honest one must be able to. */
export async function tryForgedSteps(module: EnvelopeModule): Promise<Outcome> {
  const cast = await createCast()
  const openIt = opener(module, cast)
  const failures: string[] = []
  let tried = 0
  const make = (changes: Partial<Forge>) =>
    forge({
      header: headerFields,
      plaintext: new Uint8Array(40_000).fill(7),
      recipients: [cast.readerRecipient],
      writer: cast.owner,
      ...changes,
    })
  const good = async (title: string, changes: Partial<Forge>) => {
    tried++
    const opened = await openIt(await make(changes))
    if (opened === null) failures.push(`refused: ${title}`)
  }
  const bad = async (title: string, changes: Partial<Forge>) => {
    tried++
    if ((await openIt(await make(changes))) !== null) failures.push(`accepted: ${title}`)
  }
  const flip = (bytes: Buffer) => {
    const changed = Buffer.from(bytes)
    changed[0] = (changed[0] ?? 0) ^ 1
    return changed
  }

  await good("an honest envelope", {})
  await good("an empty one", { plaintext: new Uint8Array() })
  await good("one of more than 256 chunks", { plaintext: new Uint8Array(300 * 16384) })
  await good("a plaintext that fills its last chunk", { plaintext: new Uint8Array(2 * 16384 - 4) })
  await bad("another MAC, signed", { mac: flip })
  await bad("another signature", { sig: flip })
  await bad("a signature of zeros", { sig: () => Buffer.alloc(64) })
  await bad("another commitment, signed", { commitment: flip })
  await bad("a body sealed for another header", { context: () => Buffer.from("{}") })
  await bad("chunks numbered from one", { chunkNumber: (index) => index + 1 })
  await bad("chunks in another order", { chunkNumber: (index) => 2 - index })
  await bad("a little-endian chunk number", {
    plaintext: new Uint8Array(300 * 16384),
    chunkNumber: (index) => ((index & 0xff) << 24) | ((index & 0xff00) << 8),
  })
  await bad("a full last chunk", {
    plaintext: new Uint8Array(2 * 16384 - 4),
    chunks: (padded) => [padded.subarray(0, 16384), padded.subarray(16384)],
  })
  await bad("no last chunk, cut at a border", { chunks: (padded) => [padded.subarray(0, 16384)] })
  await bad("padding that is not zeros", { padded: (padded) => Buffer.concat([padded.subarray(0, -1), Buffer.of(1)]) })
  await bad("padding of another length", { padded: (padded) => Buffer.concat([padded, Buffer.alloc(64)]) })
  await bad("a length beyond the padding", { padded: (padded) => Buffer.concat([Buffer.of(255), padded.subarray(1)]) })
  await bad("no padding at all", { padded: () => Buffer.alloc(0) })
  await bad("a DEK of 16 bytes", { dek: Buffer.alloc(16, 3) })
  await bad("another session's id", { header: { ...headerFields, sid: sid.split("").reverse().join("") } })
  await bad("another vault's id", { header: { ...headerFields, vault: "f".repeat(32) } })
  for (const typ of ["member", "delta", "lease", "event", "part"] as const) {
    await bad(`type ${typ} where base was asked for`, { header: { ...headerFields, typ } })
  }
  await bad("a past end", { header: { ...headerFields, exp: now } })
  await bad("a clock from the future", { header: { ...headerFields, clock: clockAt(now + 300_001) } })
  await good("a clock a little ahead", { header: { ...headerFields, clock: clockAt(now + 300_000) } })
  await bad("an unknown header key", { headerText: (text) => text.replace("{", '{"x":1,') })
  await bad("a header version to come", { headerText: (text) => text.replace('"v":1', '"v":2') })
  await bad("another cipher", { headerText: (text) => text.replace("cobblestone-256", "none") })
  await bad("a header that is no object", { headerText: () => "[]" })
  await bad("a header with __proto__", { headerText: (text) => text.replace("{", '{"__proto__":{},') })
  await bad("an unknown outer key", { outer: (e) => ({ ...e, x: 1 }) })
  await bad("keys in another order", { outer: ({ psp, ...rest }) => ({ ...rest, psp }) })
  await bad("a version to come", { outer: (e) => ({ ...e, psp: 2 }) })
  await bad("no wraps", { outer: (e) => ({ ...e, wraps: [] }) })
  await bad("not one for me", { recipients: [await recipientOf(await createIdentity("other"))] })
  await bad("an unknown writer", { writer: await createIdentity("stranger") })
  await bad("an unknown writer under a known name", {
    writer: await createIdentity("stranger"),
    header: { ...headerFields, writer: cast.ownerCard.writerId },
  })
  return { tried, failures }
}

/** Every byte of a small envelope flipped, every truncation, things added: as whoever stores it could. */
export async function tryTampering(module: EnvelopeModule, step = 1): Promise<Outcome> {
  const cast = await createCast()
  const openIt = opener(module, cast)
  const { typ, clock, exp } = headerFields
  const sealed = await module.seal({
    header: { typ, vault, sid, clock, exp },
    plaintext: new TextEncoder().encode("a small session"),
    recipients: [cast.readerRecipient],
    writer: cast.owner,
  })
  const failures: string[] = []
  let tried = 0
  const bad = async (title: string, bytes: Uint8Array, name?: string) => {
    tried++
    if ((await openIt(bytes, name)) !== null) failures.push(`accepted: ${title}`)
  }
  if ((await openIt(sealed.bytes, sealed.name)) === null) failures.push("refused: the envelope itself")
  for (let i = 0; i < sealed.bytes.length; i += step) {
    const flipped = sealed.bytes.slice()
    flipped[i] = (flipped[i] ?? 0) ^ (1 << (i % 8))
    await bad(`byte ${i} flipped`, flipped)
  }
  for (let length = 0; length < sealed.bytes.length; length += step) {
    await bad(`cut to ${length} bytes`, sealed.bytes.slice(0, length))
  }
  const text = new TextDecoder().decode(sealed.bytes)
  await bad("white space before it", new TextEncoder().encode(` ${text}`))
  await bad("a line end after it", new TextEncoder().encode(`${text}\n`))
  await bad("itself twice", new TextEncoder().encode(text + text))
  await bad("another name", sealed.bytes, sealed.name.replace("/sessions/", "/members/"))
  return { tried, failures }
}

/** Every field of an envelope put into another one that differs in one respect. */
export async function trySplicing(module: EnvelopeModule): Promise<Outcome> {
  const cast = await createCast()
  const openIt = opener(module, cast)
  const other = await createIdentity("other")
  const common = {
    header: { typ: "base", vault, sid, clock: headerFields.clock, exp: headerFields.exp } as const,
    plaintext: new TextEncoder().encode("a small session"),
    recipients: [cast.readerRecipient],
    writer: cast.owner,
  }
  const target = await module.seal(common)
  const variants: Record<string, Parameters<EnvelopeModule["seal"]>[0]> = {
    "another save of the same": { ...common, plaintext: new TextEncoder().encode("another session") },
    "another site": { ...common, header: { ...common.header, sid: "z".repeat(26) } },
    "another vault": { ...common, header: { ...common.header, vault: "e".repeat(32) } },
    "another writer": { ...common, writer: other },
    "another type": { ...common, header: { ...common.header, typ: "delta" } },
    "a later end": { ...common, header: { ...common.header, exp: common.header.exp + 1 } },
    "another recipient list": { ...common, recipients: [cast.readerRecipient, await recipientOf(other)] },
    "another reader": { ...common, recipients: [await recipientOf(other)] },
  }
  const failures: string[] = []
  let tried = 0
  for (const [title, input] of Object.entries(variants)) {
    const donor = JSON.parse(new TextDecoder().decode((await module.seal(input)).bytes)) as Record<string, unknown>
    const own = JSON.parse(new TextDecoder().decode(target.bytes)) as Record<string, unknown>
    const fields = ["hdr", "wraps", "ct", "mac", "sig"]
    // Every set of fields taken from the donor, except none of them and (where the donor is sound) all.
    for (let mask = 1; mask < 2 ** fields.length - 1; mask++) {
      const spliced = Object.fromEntries(
        Object.entries(own).map(([key, value]) => [
          key,
          mask & (1 << fields.indexOf(key)) && key !== "psp" ? donor[key] : value,
        ]),
      )
      const text = JSON.stringify(spliced)
      // Fields that are the same in both (a header of the same moment) make no new envelope.
      if (text === JSON.stringify(own) || text === JSON.stringify(donor)) continue
      tried++
      if ((await openIt(new TextEncoder().encode(text))) !== null) {
        failures.push(`accepted: fields ${mask.toString(2)} of ${title}`)
      }
    }
  }
  return { tried, failures }
}

/** Somebody who knows every public string: recipients, cards, ids, and envelopes seen in the store. */
export async function tryForgeries(module: EnvelopeModule, count: number): Promise<Outcome> {
  const cast = await createCast()
  const openIt = opener(module, cast)
  const stranger = await createIdentity("stranger")
  const { typ, clock, exp } = headerFields
  const seen = await module.seal({
    header: { typ, vault, sid, clock, exp },
    plaintext: new TextEncoder().encode("a small session"),
    recipients: [cast.readerRecipient],
    writer: cast.owner,
  })
  const genuine = JSON.parse(new TextDecoder().decode(seen.bytes)) as { sig: string; mac: string; hdr: string }
  const failures: string[] = []
  for (let i = 0; i < count; i++) {
    const bytes = await forge({
      header: { ...headerFields, clock: clockAt(now - i), ...(i % 2 === 0 ? { writer: cast.ownerCard.writerId } : {}) },
      plaintext: new TextEncoder().encode(`planted ${i}`),
      recipients: [cast.readerRecipient],
      writer: stranger,
      ...(i % 3 === 0 ? { sig: () => Buffer.from(genuine.sig, "base64") } : {}),
      ...(i % 5 === 0 ? { mac: () => Buffer.from(genuine.mac, "base64") } : {}),
      ...(i % 7 === 0 ? { outer: (e) => ({ ...e, hdr: genuine.hdr }) } : {}),
      ...(i % 11 === 0 ? { sig: () => Buffer.from(base64(new Uint8Array(64)), "base64") } : {}),
    })
    if ((await openIt(bytes)) !== null) failures.push(`accepted: forgery ${i}`)
  }
  return { tried: count, failures }
}
