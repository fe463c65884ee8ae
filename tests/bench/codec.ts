import { parse, stringify } from "devalue"
import { createStructuredCodec, type Encoded } from "../../shared/structured.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

/** The value codec beside JSON and devalue: on plain records, and on records of which each has a Date and bytes. */
export async function benchCodec(): Promise<BenchRow[]> {
  const codec = createStructuredCodec()
  const rows: BenchRow[] = []
  for (const { name, value, isPlain } of [
    { name: "plain records", value: plainRecords(20_000), isPlain: true },
    { name: "records with a Date and bytes", value: typedRecords(20_000), isPlain: false },
  ]) {
    const { text } = codec.encode(value) as Encoded
    const [json, devalued] = [JSON.stringify(value), stringify(value)]
    const megabytes = text.length / 1e6
    // What JSON makes of typed records is not the same; on plain ones it shows what the engine itself can do.
    const encoding = await interleave(
      9,
      {
        ours: () => timed(() => codec.encode(value)),
        devalue: () => timed(() => stringify(value)),
        json: () => timed(() => JSON.stringify(value)),
      },
      2,
    )
    const decoding = await interleave(
      9,
      {
        ours: () => timed(() => codec.decode(text)),
        devalue: () => timed(() => parse(devalued) as unknown),
        json: () => timed(() => JSON.parse(json) as unknown),
      },
      2,
    )
    for (const [what, times] of Object.entries({ Encode: encoding, Decode: decoding })) {
      const speed = (ms: number[]) => `${(megabytes / (median(ms) / 1000)).toFixed(0)} MB/s`
      rows.push({
        name: `${what} ${name} (${megabytes.toFixed(1)} MB)`,
        value: speed(times.ours),
        peer: `devalue ${speed(times.devalue)}${isPlain ? `, JSON ${speed(times.json)}` : ""}`,
        ratio: median(times.ours) / median(times.devalue),
        limit: isPlain ? 2 : null,
        range: rangeOf(times.ours),
      })
    }
  }
  return rows
}

function plainRecords(count: number) {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `Person ${id}`,
    address: {
      street: `${id} Fern Road`,
      city: "Zürich",
      zip: `${8000 + (id % 100)}`,
      location: [47.37 + id / 1e6, 8.54],
    },
    tags: ["one", "two", `tag ${id % 50}`],
    isActive: id % 3 === 0,
    note: id % 4 === 0 ? null : "A sentence of some length, as people write it in a note about somebody.",
  }))
}

function typedRecords(count: number) {
  return plainRecords(count).map((record) => ({
    ...record,
    changed: new Date(1_700_000_000_000 + record.id),
    digest: new Uint8Array(32).fill(record.id),
  }))
}

async function timed(work: () => unknown): Promise<number> {
  const started = performance.now()
  work()
  return performance.now() - started
}
