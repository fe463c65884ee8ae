import { expect, it } from "vitest"
import { steadied } from "../../native-host/steady-zip.js"

/** A zip file by hand: stored, one name as its content. */
function zipOf(names: string[], time: number): Buffer {
  const records: Buffer[] = []
  const entries: Buffer[] = []
  let place = 0
  for (const name of names) {
    const bytes = Buffer.from(name)
    const record = Buffer.concat([Buffer.alloc(30), bytes, bytes])
    record.writeUInt32LE(0x04034b50)
    record.writeUInt32LE(time, 10)
    record.writeUInt16LE(bytes.length, 26)
    const entry = Buffer.concat([Buffer.alloc(46), bytes])
    entry.writeUInt32LE(0x02014b50)
    entry.writeUInt32LE(time, 12)
    entry.writeUInt16LE(bytes.length, 28)
    entry.writeUInt32LE(place, 42)
    place += record.length
    records.push(record)
    entries.push(entry)
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt16LE(names.length, 10)
  end.writeUInt32LE(place, 16)
  return Buffer.concat([...records, ...entries, end])
}

it("zips of the same files are the same bytes, whenever and in whichever order they were packed", () => {
  const one = zipOf(["manifest.json", "a", "popup.html"], 0x12345678)
  const other = zipOf(["popup.html", "manifest.json", "a"], 0x0badcafe)
  expect(one.equals(other)).toBe(false)
  expect(steadied(one).equals(steadied(other))).toBe(true)
  expect(steadied(steadied(one)).equals(steadied(one))).toBe(true)
  expect(steadied(one).equals(steadied(zipOf(["manifest.json", "b", "popup.html"], 0x12345678)))).toBe(false)
})

it("what is no plain zip file is refused", () => {
  expect(() => steadied(Buffer.from("PK"))).toThrow(/Cannot read the zip file/)
  const broken = zipOf(["a"], 0)
  broken.writeUInt8(0, 0)
  expect(() => steadied(broken)).toThrow(/expected a file in its place/)
})
