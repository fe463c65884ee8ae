import { existsSync, readFileSync } from "node:fs"
import { createCipheriv, createHash, createHmac } from "node:crypto"
import { inflateSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { hex, hexToBytes, utf8 } from "../../shared/bytes.js"
import { chunkLength, cobblestoneLength, createPureChunkCipher, decrypt, encrypt } from "../../shared/cobblestone.js"

const bytesOf = (text: string) => {
  const bytes = hexToBytes(text)
  if (bytes === null) throw new Error("a vector is not hex")
  return bytes
}
const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251)

/** The same format once more, over node:crypto and without a line of ours: what our own vectors were made with. */
function referenceEncrypt(secret: Uint8Array, context: Uint8Array, plaintext: Uint8Array, salt: Uint8Array): Buffer {
  const info = Buffer.concat([Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"), salt, context])
  const blocks: Buffer[] = []
  for (let i = 1; i <= 2; i++) {
    const hash = createHmac("sha512", secret)
    hash.update(Buffer.concat([blocks.at(-1) ?? Buffer.alloc(0), info, Buffer.of(i)]))
    blocks.push(hash.digest())
  }
  const okm = Buffer.concat(blocks)
  const out = [Buffer.from(salt), okm.subarray(44, 76)]
  for (let i = 0; i * 16384 <= plaintext.length; i++) {
    const nonce = Buffer.from(okm.subarray(32, 44))
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ i) >>> 0, 8)
    const cipher = createCipheriv("aes-256-gcm", okm.subarray(0, 32), nonce)
    out.push(cipher.update(plaintext.subarray(i * 16384, (i + 1) * 16384)), cipher.final(), cipher.getAuthTag())
  }
  return Buffer.concat(out)
}

/** Ours, made once with `referenceEncrypt`: secret, salt and context count up from 0, 100 and 200; plaintext too. */
const ownVectors = [
  { length: 0, sha256: "ded5db2048c9b19f9c1953c47328057ee48968655ad379de59494a9b7e534990" },
  { length: 7, sha256: "194fe12e1095421b2e3bed34ff21911fa4a0707e425ca3eb0795a63a2e51b911" },
  { length: chunkLength - 1, sha256: "f318cfd640c377da63d95314185ee8be00cd153c9157cd71211642a19f8df0c8" },
  { length: chunkLength, sha256: "353652c76b964f7099e68064109ca9f09e3c188b0e30b01fe45bef0374b61627" },
  { length: 3 * chunkLength + 5, sha256: "b70634f3d66707768f409f8482e443f74c0190fd3db213cad5c9cc23baa6036c" },
  { length: 300 * chunkLength + 1, sha256: "9668c8d4cc772342087b6a753b2e124e40de0cf3eb30fcfd5946d3b92ba86d3d" },
]
const secret = Uint8Array.from({ length: 32 }, (_, i) => i)
const salt = Uint8Array.from({ length: 24 }, (_, i) => 100 + i)
const context = Uint8Array.from({ length: 40 }, (_, i) => 200 + i)
/** Opens a copy: the plaintext is written over the message. */
const opened = (key: Uint8Array, ctx: Uint8Array, message: Uint8Array) => decrypt(key, ctx, Uint8Array.from(message))

describe("cobblestone", () => {
  it.each(ownVectors)("seals $length bytes to the committed vector", async ({ length, sha256 }) => {
    const sealed = await encrypt(secret, context, counting(length), salt)
    expect(createHash("sha256").update(sealed).digest("hex")).toBe(sha256)
    expect(sealed.length).toBe(cobblestoneLength(length))
    expect(Buffer.compare(referenceEncrypt(secret, context, counting(length), salt), sealed)).toBe(0)
    expect(Buffer.compare((await opened(secret, context, sealed)) ?? Buffer.of(1), counting(length))).toBe(0)
  })

  it("leaves nothing of a message with one bad chunk", async () => {
    const sealed = await encrypt(secret, context, counting(100 * chunkLength), salt)
    const at = 56 + 3 * (chunkLength + 16)
    sealed[at] = (sealed[at] ?? 0) ^ 1
    expect(await decrypt(secret, context, sealed)).toBeNull()
    expect(sealed.every((byte) => byte === 0)).toBe(true)
  })

  it("refuses another secret, another context and a secret of another length", async () => {
    const sealed = await encrypt(secret, context, counting(100), salt)
    expect(await opened(counting(32).reverse(), context, sealed)).toBeNull()
    expect(await opened(secret, utf8("other"), sealed)).toBeNull()
    expect(await opened(secret.subarray(1), context, sealed)).toBeNull()
  })

  it("refuses every truncation at a chunk border, swapped chunks and trailing data", async () => {
    const sealed = await encrypt(secret, context, counting(3 * chunkLength), salt)
    const chunk = (i: number) => sealed.subarray(56 + i * (chunkLength + 16), 56 + (i + 1) * (chunkLength + 16))
    for (let i = 0; i < 4; i++) {
      expect(await opened(secret, context, sealed.subarray(0, 56 + i * (chunkLength + 16)))).toBeNull()
    }
    const swapped = sealed.slice()
    swapped.set(chunk(1), 56)
    swapped.set(chunk(0), 56 + chunkLength + 16)
    expect(await opened(secret, context, swapped)).toBeNull()
    expect(await opened(secret, context, Buffer.concat([sealed, Buffer.alloc(1)]))).toBeNull()
    expect(await opened(secret, context, Buffer.concat([sealed, chunk(3)]))).toBeNull()
  })

  it("works the same without WebCrypto", () => {
    const nonce = new Uint8Array(12)
    const pure = createPureChunkCipher(secret)
    const cipher = createCipheriv("aes-256-gcm", secret, nonce)
    const expected = Buffer.concat([cipher.update(counting(50)), cipher.final(), cipher.getAuthTag()])
    const sealed = pure.encrypt(nonce, counting(50)) as Uint8Array
    expect(hex(sealed)).toBe(expected.toString("hex"))
    expect(pure.decrypt(nonce, sealed)).toEqual(counting(50))
  })
})

interface WycheproofTest {
  tcId: number
  comment: string
  key: string
  ctx: string
  ct: string
  msgLength: number
  msgSha512: string
  result: "valid" | "invalid"
}
const wycheproof = new URL("../../../shared/vectors/c2sp_chunked_encryption_aes_256_gcm_test.json", import.meta.url)

describe.skipIf(!existsSync(wycheproof))(
  "cobblestone against Project Wycheproof (skipped where its vectors are not beside the project)",
  () => {
    const file = existsSync(wycheproof)
      ? (JSON.parse(readFileSync(wycheproof, "utf8")) as { testGroups: { tests: WycheproofTest[] }[] })
      : { testGroups: [] }
    const tests = file.testGroups.flatMap((group) => group.tests)

    it("has all 35 vectors", () => {
      expect(tests).toHaveLength(35)
    })

    it.each(tests)("vector $tcId, $comment: $result", async (vector) => {
      const message = inflateSync(bytesOf(vector.ct))
      const opened = await decrypt(bytesOf(vector.key), bytesOf(vector.ctx), message)
      if (vector.result === "invalid") return expect(opened).toBeNull()
      expect(opened).toHaveLength(vector.msgLength)
      expect(
        createHash("sha512")
          .update(opened ?? new Uint8Array())
          .digest("hex"),
      ).toBe(vector.msgSha512)
    })
  },
)
