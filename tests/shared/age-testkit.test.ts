import { createHash } from "node:crypto"
import { inflateSync } from "node:zlib"
import * as testkit from "cctv-age"
import { generateX25519Identity } from "age-encryption"
import { describe, expect, it } from "vitest"
import { openAgeFile } from "../../shared/envelope.js"
import { openWithPassphrase } from "../../shared/passphrase.js"

interface Vector {
  name: string
  expected: string
  identities: string[]
  passphrases: string[]
  payload: string
  file: Uint8Array
}

function parseVector(name: string, bytes: Uint8Array): Vector {
  const text = Buffer.from(bytes).toString("latin1")
  const end = text.indexOf("\n\n")
  const fields = text
    .slice(0, end)
    .split("\n")
    .map((line) => line.split(/: (.*)/s) as [string, string])
  const valueOf = (key: string) => fields.find(([name]) => name === key)?.[1] ?? ""
  const body = Buffer.from(bytes).subarray(end + 2)
  return {
    name,
    passphrases: fields.filter(([key]) => key === "passphrase").map(([, value]) => value),
    // Armour and passphrases are no part of a wrap: such files must be refused.
    expected: valueOf("armored") === "yes" ? "armored" : valueOf("expect"),
    identities: fields.filter(([key]) => key === "identity").map(([, value]) => value),
    payload: valueOf("payload"),
    file: valueOf("compressed") === "zlib" ? inflateSync(body) : body,
  }
}

const vectors = Object.entries(testkit as Record<string, Uint8Array>).map(([name, bytes]) => parseVector(name, bytes))

describe("age testkit against the wrap layer", () => {
  it("has its 143 vectors, some of which open", () => {
    expect(vectors).toHaveLength(143)
    expect(vectors.filter(({ expected }) => expected === "success").length).toBeGreaterThan(15)
  })

  it.each(vectors)("$name: $expected", async ({ expected, identities, passphrases, payload, file }) => {
    const tried = identities.length > 0 ? identities : [await generateX25519Identity()]
    const opened = (await Promise.all(tried.map((age) => openAgeFile(file, age)))).find((plain) => plain !== null)
    if (expected !== "success" || passphrases.length > 0) return expect(opened ?? null).toBeNull()
    expect(
      createHash("sha256")
        .update(opened ?? "")
        .digest("hex"),
    ).toBe(payload)
  })
})

describe("age testkit against passphrases", () => {
  // What has no scrypt stanza at all is damaged to us, and not a wrong passphrase.
  const own = vectors.filter(({ expected, passphrases }) => passphrases.length > 0 && expected !== "armored")

  it("has its vectors for them, some of which open", () => {
    expect(own.length).toBeGreaterThan(10)
    expect(own.filter(({ expected }) => expected === "success").length).toBeGreaterThan(0)
  })

  it.each(own)("$name: $expected", async ({ name, expected, passphrases, payload, file }) => {
    const [passphrase = ""] = passphrases
    const opening = openWithPassphrase(file, passphrase).catch((error: unknown) => error)
    if (expected === "no match" && name !== "scrypt_uppercase") return expect(await opening).toBeNull()
    if (expected !== "success") return expect(await opening).toMatchObject({ code: "bad-identity" })
    expect(
      createHash("sha256")
        .update(String(await opening))
        .digest("hex"),
    ).toBe(payload)
  })
})
