import { readFile, writeFile } from "node:fs/promises"

/*
 * A zip file (APPNOTE.TXT 4.3) is a list of records, each a local header and its data, then a directory with an entry for each, then
 * where that directory is:
 *
 *     record     "PK\3\4" … time at 10, date at 12 …
 *     entry      "PK\1\2" … time at 12, date at 14 … lengths of name, extra and comment at 28, 30, 32 … place of the record at 42, name at 46
 *     end        "PK\5\6" … count at 10 … place of the directory at 16
 */
const [recordMark, entryMark, endMark] = [0x04034b50, 0x02014b50, 0x06054b50]
/** 1980-01-01 00:00, the first day that a zip file knows. */
const [steadyTime, steadyDate] = [0, 0x21]

/** Writes a zip file anew, so that its bytes depend on what is in it alone: neither on the clock nor on the order in which files were found. */
export async function steadyZip(file: string): Promise<void> {
  await writeFile(file, steadied(await readFile(file)))
}

/** The same files, each with one date, ordered by name. @throws Error for what is not a plain zip file without a comment */
export function steadied(zip: Buffer): Buffer {
  const end = zip.subarray(zip.length - 22)
  if (zip.length < 22 || end.readUInt32LE() !== endMark)
    throw new Error("Cannot read the zip file: its end is not at its end")
  const directory = end.readUInt32LE(16)
  const entries = entriesIn(zip, directory, end.readUInt16LE(10))
  const places = entries.map(placeOf).sort((one, other) => one - other)
  const records: Buffer[] = []
  let length = 0
  const sorted = entries.sort((one, other) => Buffer.compare(nameOf(one), nameOf(other)))
  for (const entry of sorted) {
    const place = placeOf(entry)
    const record = Buffer.from(zip.subarray(place, places.find((next) => next > place) ?? directory))
    if (record.readUInt32LE() !== recordMark) throw new Error("Cannot read the zip file: expected a file in its place")
    record.writeUInt16LE(steadyTime, 10)
    record.writeUInt16LE(steadyDate, 12)
    entry.writeUInt16LE(steadyTime, 12)
    entry.writeUInt16LE(steadyDate, 14)
    entry.writeUInt32LE(length, 42)
    length += record.length
    records.push(record)
  }
  return Buffer.concat([...records, ...sorted, end])
}

function entriesIn(zip: Buffer, directory: number, count: number): Buffer[] {
  const entries: Buffer[] = []
  let at = directory
  while (entries.length < count) {
    if (zip.readUInt32LE(at) !== entryMark)
      throw new Error("Cannot read the zip file: expected an entry of its directory")
    const length = 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
    entries.push(Buffer.from(zip.subarray(at, at + length)))
    at += length
  }
  return entries
}

const placeOf = (entry: Buffer) => entry.readUInt32LE(42)
const nameOf = (entry: Buffer) => entry.subarray(46, 46 + entry.readUInt16LE(28))
