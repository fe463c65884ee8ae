import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as envelope from "../../shared/envelope.js"
import { createCard, createIdentity, parseCard } from "../../shared/keys.js"
import { clockAt } from "../../shared/hlc.js"
import { tryForgedSteps, tryForgeries, trySplicing, tryTampering } from "./envelope-attacks.js"
import { recipientOf } from "./envelope-forge.js"

const now = 1_800_000_000_000
const where = { typ: "base", vault: "0".repeat(32), sid: "a".repeat(26), clock: clockAt(now), exp: now + 1 } as const

describe("envelope", () => {
  it("opens to what was sealed, for each recipient, whatever the bytes", async () => {
    const [writer, one, two] = [await createIdentity("w"), await createIdentity("1"), await createIdentity("2")]
    const card = await parseCard(await createCard(writer))
    const recipients = [await recipientOf(one), await recipientOf(two)]
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40_000 }), async (plaintext) => {
        const sealed = await envelope.seal({ header: where, plaintext, recipients, writer })
        for (const reader of [one, two]) {
          const opened = await envelope.open(sealed.bytes, {
            reader,
            writerKey: () => card.writer,
            name: sealed.name,
            now,
          })
          expect(Buffer.compare(opened.plaintext, plaintext)).toBe(0)
        }
      }),
      { numRuns: 20 },
    )
  })

  it("hides the length of small sessions and most of that of large ones", async () => {
    const writer = await createIdentity("w")
    const recipients = [await recipientOf(writer)]
    const lengthOf = async (length: number) =>
      (await envelope.seal({ header: where, plaintext: new Uint8Array(length), recipients, writer })).bytes.length
    const spread = (lengths: number[]) => Math.max(...lengths) - Math.min(...lengths)
    expect(spread(await Promise.all([0, 1, 500, 1020].map(lengthOf)))).toBeLessThan(16)
    expect(spread(await Promise.all([100_400, 101_000, 102_000].map(lengthOf)))).toBeLessThan(16)
  })

  it("uses a fresh key and salt for every envelope", async () => {
    const writer = await createIdentity("w")
    const recipients = [await recipientOf(writer)]
    const seal = () => envelope.seal({ header: where, plaintext: new Uint8Array(10), recipients, writer })
    const [one, two] = [await seal(), await seal()]
    expect(one.headerId).toBe(two.headerId)
    expect(one.digest).not.toBe(two.digest)
  })

  it("refuses no recipients and more than 32, and one above 96 MiB", async () => {
    const writer = await createIdentity("w")
    const recipients = await Promise.all(Array.from({ length: 33 }, async () => recipientOf(await createIdentity("r"))))
    const seal = (to: string[], length = 1) =>
      envelope.seal({ header: where, plaintext: new Uint8Array(length), recipients: to, writer })
    await expect(seal([])).rejects.toMatchObject({ code: "usage" })
    await expect(seal(recipients)).rejects.toMatchObject({ code: "usage" })
    await expect(seal(recipients.slice(1), 73 * 1024 * 1024)).rejects.toMatchObject({ code: "too-large" })
    await expect(
      envelope.open(new Uint8Array(96 * 1024 * 1024 + 1), { reader: writer, writerKey: () => null, now }),
    ).rejects.toMatchObject({ code: "damaged" })
  }, 60_000)

  it("names the step that refused only in the cause", async () => {
    const writer = await createIdentity("w")
    const bytes = new TextEncoder().encode("{}")
    const error = await envelope.open(bytes, { reader: writer, writerKey: () => null, now }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: "damaged", cause: { message: "refused at: shape" } })
    expect((error as Error).message).not.toContain("shape")
  })

  it.each([
    '{"psp":2,"new":true}',
    `{"psp":2,"hdr":"","ct":"${"A".repeat(400)}","mac":"","sig":"","tail":[1,"x"]}`,
    '{"psp":10}',
  ])("tells a newer version from damage: %s", async (text) => {
    const writer = await createIdentity("w")
    const opening = envelope.open(new TextEncoder().encode(text), { reader: writer, writerKey: () => null, now })
    await expect(opening).rejects.toMatchObject({ code: "too-new" })
  })

  it("is none with a byte order mark before it", async () => {
    const writer = await createIdentity("w")
    const { bytes } = await envelope.seal({
      header: where,
      plaintext: new Uint8Array(10),
      recipients: [await recipientOf(writer)],
      writer,
    })
    const card = await parseCard(await createCard(writer))
    const writerKey = () => card.writer
    const marked = Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes)
    await expect(envelope.open(bytes, { reader: writer, writerKey, now })).resolves.toBeDefined()
    await expect(envelope.open(marked, { reader: writer, writerKey, now })).rejects.toMatchObject({ code: "damaged" })
  })
})

describe("envelope under attack", () => {
  it("accepts no forged step, and every honest one made by other code", async () => {
    expect((await tryForgedSteps(envelope)).failures).toEqual([])
  }, 60_000)

  it("refuses every flipped byte and every truncation", async () => {
    const { tried, failures } = await tryTampering(envelope)
    expect(failures).toEqual([])
    expect(tried).toBeGreaterThan(4000)
  }, 120_000)

  it("refuses every field spliced in from another envelope", async () => {
    const { tried, failures } = await trySplicing(envelope)
    expect(failures).toEqual([])
    expect(tried).toBeGreaterThan(200)
  }, 60_000)

  it("refuses 1,000 forgeries by somebody who knows all public strings", async () => {
    expect(await tryForgeries(envelope, 1000)).toEqual({ tried: 1000, failures: [] })
  }, 120_000)
})
