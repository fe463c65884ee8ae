import { createHash } from "node:crypto"
import { inflateSync } from "node:zlib"
import * as testkit from "cctv-age"
import { generateX25519Identity } from "age-encryption"
import { describe, expect, it } from "vitest"
import { openAgeFile } from "../../shared/envelope.js"

interface Vector {
  name: string
  expected: string
  identities: string[]
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
    // Armour and passphrases are no part of a wrap: such files must be refused.
    expected: valueOf("armored") === "yes" || valueOf("passphrase") !== "" ? "unsupported" : valueOf("expect"),
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

  it.each(vectors)("$name: $expected", async ({ expected, identities, payload, file }) => {
    const tried = identities.length > 0 ? identities : [await generateX25519Identity()]
    const opened = (await Promise.all(tried.map((age) => openAgeFile(file, age)))).find((plain) => plain !== null)
    if (expected !== "success") return expect(opened ?? null).toBeNull()
    expect(
      createHash("sha256")
        .update(opened ?? "")
        .digest("hex"),
    ).toBe(payload)
  })
})
