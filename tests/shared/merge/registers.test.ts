import { fc } from "../../properties.js"
import { describe, expect, it } from "vitest"
import * as Y from "yjs"
import { isPspError } from "../../../shared/errors.js"
import { clockAt } from "../../../shared/hlc.js"
import type { Register } from "../../../shared/merge.js"
import { createWriterDoc, registersToUpdate, updatesToRegisters } from "../../../shared/merge/registers.js"
import { wholeOf } from "../../../shared/merge/changes.js"
import { snapshot } from "./random-snapshots.js"
import { register } from "./random-states.js"

const [person, bot] = ["a".repeat(32), "b".repeat(32)]
const field = '["check"]'

const json = fc.jsonValue({ noUnicodeString: false }).map((value) => JSON.parse(JSON.stringify(value)) as unknown)
const end = fc.option(fc.maxSafeInteger())
/** Of one writer and one time for each field: what one delta holds. */
const delta = fc.uniqueArray(
  fc
    .tuple(register, fc.option(json, { nil: undefined }), fc.maxSafeInteger(), end)
    .map(([one, value, rank, expiresAt]): Register => {
      const { field, clock } = one
      if ("deleted" in one) return { field, clock, writer: bot, deleted: true }
      return { field, clock, writer: bot, born: one.born, rank, expiresAt, ...(value !== undefined && { value }) }
    }),
  { selector: ({ field }) => field, maxLength: 6 },
)

it("registers come out of an update as they went in", () => {
  fc.assert(
    fc.property(delta, (registers) => {
      const read = updatesToRegisters([registersToUpdate(registers)], bot)
      expect(read.strange).toBe(0)
      expect(sorted(read.registers)).toEqual(sorted(registers))
    }),
    { numRuns: 300 },
  )
})

it("a whole capture comes through, with lone surrogates and keys of every object in it", () => {
  fc.assert(
    fc.property(snapshot, (one) => {
      // A field and its deletion at one time are two registers of one field: an update holds the later said.
      const registers = wholeOf(one, { clock: clockAt(5), writer: bot }).filter((one) => !("deleted" in one))
      expect(sorted(updatesToRegisters([registersToUpdate(registers)], bot).registers)).toEqual(sorted(registers))
    }),
    { numRuns: 100 },
  )
})

it("whatever is lost, doubled or out of order, the rest says what it says", () => {
  const received = fc.array(delta, { minLength: 1, maxLength: 5 }).chain((deltas) => {
    const at = fc.array(fc.nat({ max: deltas.length - 1 }), { maxLength: 10 })
    return fc.tuple(fc.constant(deltas), at)
  })
  fc.assert(
    fc.property(received, ([deltas, at]) => {
      const updates = deltas.map((one) => registersToUpdate(one))
      const read = updatesToRegisters(
        at.flatMap((one) => updates[one] ?? []),
        bot,
      )
      const expected = [...new Set(at)].flatMap((one) => deltas[one] ?? [])
      expect(sorted(read.registers)).toEqual(sorted(expected))
    }),
    { numRuns: 300 },
  )
})

it("what came already says nothing when it comes again", () => {
  const doc = createWriterDoc(bot)
  const update = registersToUpdate([live("v")])
  expect(doc.apply(update).registers).toEqual([live("v")])
  expect(doc.apply(update)).toEqual({ registers: [], strange: 0 })
})

it("copies of one identity that write at one time, and one whose clock stands, lose nothing", () => {
  const values = Array.from({ length: 1000 }, (_, n) => n)
  const updates = values.map((value) => registersToUpdate([live(value)]))
  const { registers, strange } = updatesToRegisters(updates, bot)
  expect(registers.map((one) => ("deleted" in one ? null : one.value))).toEqual(values)
  expect(strange).toBe(0)
})

describe("a forged client number", () => {
  const real = registersToUpdate([live("real")])
  const forged = forge(clientOf(real), `${clientOf(real).toString(36)} ${field}`, text("forged"))

  it("hides what the forger itself wrote under it, and no more", () => {
    const other = registersToUpdate([live("other")])
    const { registers } = updatesToRegisters([forged, real, other], bot)
    expect(registers).toEqual([live("forged"), live("other")])
  })

  it("hides nothing of another writer, whose document it never enters", () => {
    updatesToRegisters([forged], bot)
    expect(updatesToRegisters([real], person).registers).toEqual([{ ...live("real"), writer: person }])
    // The reason for one document each: in a shared one it does.
    expect(updatesToRegisters([forged, real], person).registers).not.toContainEqual({ ...live("real"), writer: person })
  })
})

describe("what is no update", () => {
  const whole = registersToUpdate([live("v"), { field: '["context"]', clock: clockAt(5), writer: bot, deleted: true }])
  const bomb = (structs: number) => Uint8Array.of(1, ...varUint(structs), 5, 0)
  const rows: [string, Uint8Array][] = [
    ["nothing", new Uint8Array()],
    ["text", new TextEncoder().encode("no update at all")],
    ["an update that was cut", whole.subarray(0, whole.length - 3)],
    ["one that claims to hold more than it has room for", bomb(30_000_000)],
    ["one that claims to hold more than there is", bomb(2 ** 40)],
    ["one of several clients", mergedOf(whole, registersToUpdate([live("w")]))],
  ]
  it.each(rows)("%s is told as damaged", (_, bytes) => {
    expect(() => updatesToRegisters([bytes], bot)).toThrow(expect.objectContaining({ code: "damaged" }) as Error)
  })

  it("any bytes are damaged, or say nothing that is no register", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      // A flipped byte of a real one.
      fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
        const copy = whole.slice()
        copy[at] = byte
        return copy
      }),
    )
    fc.assert(
      fc.property(bytes, (update) => {
        try {
          for (const one of updatesToRegisters([update], bot).registers) expect(one.writer).toBe(bot)
        } catch (error) {
          expect(isPspError(error) && error.code).toBe("damaged")
        }
      }),
      { numRuns: 1000 },
    )
  })

  it("takes no great room for its claim", () => {
    const before = process.memoryUsage().rss
    expect(() => updatesToRegisters([bomb(33_000_000)], bot)).toThrow()
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
  })
})

describe("what stands in an update without being a register is counted", () => {
  const clock = clockAt(5)
  const rows: [string, unknown][] = [
    ["no text", 7],
    ["no JSON", "{"],
    ["no list", "{}"],
    ["an empty list", "[]"],
    ["a clock that is none", JSON.stringify(["5"])],
    ["a life that began after it was written", JSON.stringify([clock, clockAt(6), 0, null, "v"])],
    ["a life without its beginning", JSON.stringify([clock, null, 0, null, "v"])],
    ["a rank that is none", JSON.stringify([clock, clock, 0.5, null, "v"])],
    ["an end that is none", JSON.stringify([clock, clock, 0, "soon", "v"])],
    ["more than a register has", JSON.stringify([clock, clock, 0, null, "v", "w"])],
    ["less than a register has", JSON.stringify([clock, clock, 0])],
    ["a document in the document", new Y.Map()],
  ]
  it.each(rows)("%s", (_, value) => {
    const { registers, strange } = updatesToRegisters(
      [forge(7, `7 ${field}`, value), registersToUpdate([live(1)])],
      bot,
    )
    expect({ registers, strange }).toEqual({ registers: [live(1)], strange: 1 })
  })

  it("another root, and a list of the same name, say nothing", () => {
    const doc = new Y.Doc()
    doc.getArray("registers").push(["v"])
    doc.getMap("other").set("k", text("v"))
    expect(updatesToRegisters([Y.encodeStateAsUpdate(doc)], bot)).toEqual({ registers: [], strange: 0 })
  })
})

function live(value: unknown): Register {
  return { field, clock: clockAt(5), writer: bot, born: clockAt(5), rank: 0, expiresAt: null, value }
}

function text(value: unknown): string {
  return JSON.stringify([clockAt(5), clockAt(5), 0, null, value])
}

function clientOf(update: Uint8Array): number {
  return Y.decodeUpdate(update).structs[0]?.id.client ?? 0
}

function forge(client: number, key: string, value: unknown): Uint8Array {
  const doc = new Y.Doc()
  doc.clientID = client
  doc.getMap("registers").set(key, value)
  return Y.encodeStateAsUpdate(doc)
}

function mergedOf(...updates: Uint8Array[]): Uint8Array {
  return Y.mergeUpdates(updates)
}

function varUint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varUint(Math.floor(value / 128))]
}

function sorted(registers: Register[]): string[] {
  return registers.map((one) => JSON.stringify(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))).sort()
}
