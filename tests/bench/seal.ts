import { open, seal } from "../../shared/envelope.js"
import { clockAt } from "../../shared/hlc.js"
import { createCard, createIdentity, parseCard } from "../../shared/keys.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

const sizes = [
  { name: "4 KiB", bytes: 4 * 1024, rounds: 40 },
  { name: "1 MiB", bytes: 1024 * 1024, rounds: 20 },
  { name: "16 MiB", bytes: 16 * 1024 * 1024, rounds: 7 },
]

/** Sealing (padding, chunks, wrap, MAC, signature, Base64, JSON) and opening, beside one call of WebCrypto's AES-GCM. */
export async function benchSeal(): Promise<BenchRow[]> {
  const identity = await createIdentity("bench")
  const card = await parseCard(await createCard(identity))
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"])
  const rows: BenchRow[] = []
  for (const { name, bytes, rounds } of sizes) {
    const plaintext = new Uint8Array(bytes)
    const now = Date.now()
    const header = {
      typ: "base",
      vault: "0".repeat(32),
      sid: "a".repeat(26),
      clock: clockAt(now),
      exp: now + 3_600_000,
    } as const
    const sealing = { header, plaintext, recipients: [card.recipient], writer: identity }
    const sealed = await seal(sealing)
    const times = await interleave(rounds, {
      seal: () => timed(() => seal(sealing)),
      open: () => timed(() => open(sealed.bytes, { reader: identity, writerKey: () => card.writer, now })),
      oneShot: () => timed(() => crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, plaintext)),
    })
    const speed = (ms: number[]) => `${(bytes / 1e6 / (median(ms) / 1000)).toFixed(bytes < 1e6 ? 2 : 0)} MB/s`
    for (const what of ["seal", "open"] as const) {
      rows.push({
        name: `${what === "seal" ? "Seal" : "Open"} ${name}`,
        value: speed(times[what]),
        peer: `one-shot AES-GCM ${speed(times.oneShot)}`,
        ratio: median(times[what]) / median(times.oneShot),
        limit: null,
        range: rangeOf(times[what]),
      })
    }
  }
  return rows
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
