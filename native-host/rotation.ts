import { ed25519 } from "@noble/curves/ed25519.js"
import { armor, Decrypter, Encrypter } from "age-encryption"
import { readFile, unlink } from "node:fs/promises"
import { join } from "node:path"
import { hex, hexToBytes, utf8, utf8ToText } from "../shared/bytes.js"
import { PspError } from "../shared/errors.js"
import {
  createCard,
  identityToText,
  parseCard,
  parseIdentity,
  recipientOf,
  type Card,
  type OpenIdentity,
} from "../shared/keys.js"
import { writePrivateFile } from "./private-file.js"

/**
 * What a change of this machine's keys needs to go on after it broke off: a 0600 file beside the identity, there from before anybody is
 * told of the new keys until the old ones are removed.
 *
 *     { "v": 2, "old": card that is to go, "next": card that is to come,
 *       "sealed": the new identity's line, an armored age file to the old one's recipient,
 *       "signatures": [ by the old, by the new writer key, Ed25519 over "psp/1 rotation" || 0x00 || the three as a JSON list ] }
 *
 * So it opens with the identity that it is to replace, and is as locked as that one; once that is replaced, the new one is in its file.
 * Anybody could seal to a card: nobody else can sign, and so slip in keys of theirs while this machine is locked.
 */
export interface Rotation {
  old: Card
  next: Card
  sealed: string
  /** Hex. */
  signatures: [byOld: string, byNext: string]
}

export function rotationPath(home: string): string {
  return join(home, "rotation.json")
}

/** Writes down what is to come before anybody is told of it. `old` is this machine's identity, `next` what takes its place. */
export async function beginRotation(home: string, old: OpenIdentity, next: OpenIdentity): Promise<Rotation> {
  const encrypter = new Encrypter()
  encrypter.addRecipient(await recipientOf(old))
  const sealed = armor.encode(await encrypter.encrypt(utf8(identityToText(next))))
  const cards = { old: await parseCard(await createCard(old)), next: await parseCard(await createCard(next)) }
  const signed = signedPart({ ...cards, sealed })
  const signatures: Rotation["signatures"] = [
    hex(ed25519.sign(signed, old.writer)),
    hex(ed25519.sign(signed, next.writer)),
  ]
  const journal = { v: 2, old: cards.old.text, next: cards.next.text, sealed, signatures }
  await writePrivateFile(rotationPath(home), `${JSON.stringify(journal)}\n`)
  return { ...cards, sealed, signatures }
}

/** Null where none is under way. @throws `bad-identity` for one that somebody changed */
export async function readRotation(home: string): Promise<Rotation | null> {
  const text = await readFile(rotationPath(home), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null
    throw error
  })
  if (text === null) return null
  try {
    const { v, old, next, sealed, signatures } = JSON.parse(text) as Record<string, unknown>
    if (v !== 2) throw damaged()
    const [byOld, byNext] = signatures as unknown[]
    const cards = { old: await parseCard(textOf(old)), next: await parseCard(textOf(next)) }
    return { ...cards, sealed: textOf(sealed), signatures: [textOf(byOld), textOf(byNext)] }
  } catch {
    throw damaged()
  }
}

/**
 * The new identity: what was sealed, or once it is in its place, what is there.
 *
 * @param identity this machine's, as it is now
 * @throws `bad-identity` also where the change is of other keys than this machine's
 */
export async function nextIdentity(rotation: Rotation, identity: OpenIdentity): Promise<OpenIdentity> {
  const { old, next, sealed, signatures } = rotation
  const { writerId, writer } = await parseCard(await createCard(identity))
  const at = [old.writerId, next.writerId].indexOf(writerId)
  const signature = signatures[at]
  if (signature === undefined) {
    const what = "rotation.json in PSP_HOME is about other keys than this machine's; move it away to begin anew"
    throw new PspError("bad-identity", `Cannot go on with the change of keys: ${what}`)
  }
  if (!isSigned(rotation, signature, writer)) throw damaged()
  return writerId === next.writerId ? identity : openSealed(sealed, identity)
}

export async function endRotation(home: string): Promise<void> {
  await unlink(rotationPath(home)).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error
  })
}

async function openSealed(sealed: string, { age }: OpenIdentity): Promise<OpenIdentity> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(age)
  try {
    return parseIdentity(utf8ToText(await decrypter.decrypt(armor.decode(sealed))))
  } catch {
    throw damaged()
  }
}

function signedPart({ old, next, sealed }: Pick<Rotation, "old" | "next" | "sealed">): Uint8Array {
  return utf8(`psp/1 rotation\0${JSON.stringify([old.text, next.text, sealed])}`)
}

function isSigned(rotation: Rotation, signature: string, writer: Uint8Array): boolean {
  try {
    return ed25519.verify(hexToBytes(signature) ?? new Uint8Array(), signedPart(rotation), writer)
  } catch {
    // Not of the length of one.
    return false
  }
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw damaged()
  return value
}

function damaged(): PspError {
  return new PspError("bad-identity", "Cannot go on with the change of keys: rotation.json in PSP_HOME is damaged")
}
