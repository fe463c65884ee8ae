import { equalBytes } from "../shared/bytes.js"
import { digestOf, parseName } from "../shared/envelope.js"
import { isPspError, PspError, toPspError, type ErrorCode } from "../shared/errors.js"
import type { CallOptions, Provider } from "../shared/provider.js"
import { isStoreFault } from "../shared/vault/faults.js"
import { keyOf } from "../shared/object-names.js"
import { getWhole, isPartName, partNames, putWhole, wholeName } from "../shared/vault/parts.js"
import { inLanes } from "../shared/lanes.js"

/** What a copy did. An object is an envelope, however many parts it is in. */
export interface CopyReport {
  copied: number
  /** Of what was copied, as it lies at the source. */
  bytes: number
  /** What the other store had already. */
  skipped: number
  skippedBytes: number
  /** What could not be copied; everything else was. */
  failed: { name: string; code: ErrorCode; message: string }[]
  /** Objects under names that this project never gives: left where they are. */
  strangers: number
}

export interface CopyOptions extends CallOptions {
  /** Vault id: nothing of another vault is touched. */
  vault: string
  /** One session and the members; all of the vault when left out. */
  sid?: string
  /** Ids of copies of that session for bots, which go with it. */
  copies?: string[]
  onProgress?: (progress: CopyProgress) => void
}

export interface CopyProgress {
  done: number
  total: number
  bytes: number
  totalBytes: number
}

/**
 * Copies sealed objects of a vault from one store to another without opening one; nothing is removed or replaced anywhere.
 * What is there already is skipped, so a copy that broke off is finished by the next one. Whatever is read must have the
 * digest of its name, and is read back after it was put; an envelope is cut anew for the limit of the store it goes to.
 *
 * The members come last: until then nobody takes half a vault for the whole.
 *
 * @throws `aborted` and the codes of a store that cannot go on, in words that say how far it came
 */
export async function copyObjects(from: Provider, to: Provider, options: CopyOptions): Promise<CopyReport> {
  const { vault, sid, copies = [], signal, onProgress } = options
  const call: CallOptions = signal === undefined ? {} : { signal }
  const report: CopyReport = { copied: 0, bytes: 0, skipped: 0, skippedBytes: 0, failed: [], strangers: 0 }
  const progress: CopyProgress = { done: 0, total: 0, bytes: 0, totalBytes: 0 }
  try {
    const rooms = sid === undefined ? ["sessions/", "events/"] : [sid, ...copies].map((id) => `sessions/${id}/`)
    const phases = [rooms, ["members/"]].map((names) => names.map((name) => `${vault}/${name}`))
    const plans: Plan[] = []
    for (const prefixes of phases) plans.push(await makePlan(from, to, prefixes, call))
    for (const { items, strangers } of plans) {
      report.strangers += strangers
      progress.total += items.length
      progress.totalBytes += items.reduce((sum, { bytes }) => sum + bytes, 0)
    }
    onProgress?.({ ...progress })
    for (const { items, target } of plans) {
      await inLanes(items, async (item) => {
        signal?.throwIfAborted()
        await copyItem(from, to, { item, target, report }, call)
        progress.done++
        progress.bytes += item.bytes
        onProgress?.({ ...progress })
      })
    }
    return report
  } catch (error) {
    throw broken(error, report, progress, signal)
  }
}

/** An envelope at the source. */
interface Item {
  name: string
  /** Of the object and of the parts that may be its. */
  bytes: number
  /** Whether it may be a list of parts. */
  hasParts: boolean
}

interface Plan {
  items: Item[]
  target: Shown
  strangers: number
}

/** What a store shows, each name with its size (bytes), and by what an envelope and its parts have in common. */
interface Shown {
  sizes: Map<string, number>
  keys: Map<string, { envelopes: string[]; partBytes: number; parts: number }>
  strangers: number
}

async function makePlan(from: Provider, to: Provider, prefixes: string[], call: CallOptions): Promise<Plan> {
  const source = await look(from, prefixes, call)
  const target = await look(to, prefixes, call)
  const items = [...source.keys.values()].flatMap(({ envelopes, partBytes, parts }) =>
    envelopes.map((name) => ({ name, bytes: (source.sizes.get(name) ?? 0) + partBytes, hasParts: parts > 0 })),
  )
  return { items, target, strangers: source.strangers }
}

async function look(provider: Provider, prefixes: string[], call: CallOptions): Promise<Shown> {
  const shown: Shown = { sizes: new Map(), keys: new Map(), strangers: 0 }
  for (const prefix of prefixes) {
    for await (const { name, size } of provider.list(prefix, call)) {
      const key = keyOf(name)
      if (key === null) {
        shown.strangers++
        continue
      }
      shown.sizes.set(name, size)
      const group = shown.keys.get(key) ?? { envelopes: [], partBytes: 0, parts: 0 }
      shown.keys.set(key, group)
      if (isPartName(name)) {
        group.partBytes += size
        group.parts++
      } else group.envelopes.push(name)
    }
  }
  return shown
}

async function copyItem(
  from: Provider,
  to: Provider,
  { item, target, report }: { item: Item; target: Shown; report: CopyReport },
  call: CallOptions,
): Promise<void> {
  try {
    const outcome = await copyOne(from, to, item, target, call)
    if (outcome === "copied") report.bytes += item.bytes
    if (outcome === "skipped") report.skippedBytes += item.bytes
    if (outcome !== "gone") report[outcome]++
  } catch (error) {
    if (!isPspError(error) || isStoreFault(error.code)) throw error
    report.failed.push({ name: item.name, code: error.code, message: error.message })
  }
}

/** `gone`: somebody removed it since it was listed. */
async function copyOne(
  from: Provider,
  to: Provider,
  { name, bytes, hasParts }: Item,
  target: Shown,
  call: CallOptions,
): Promise<"copied" | "skipped" | "gone"> {
  const size = hasParts ? undefined : target.sizes.get(name)
  if (size === bytes) return "skipped"
  const list = hasParts ? await from.get(name, call) : null
  if (hasParts && list === null) return "gone"
  const wanted = list === null ? name : wholeName({ name, bytes: list })
  // Another size is a fault that reading or putting it brings to light.
  if (size === undefined && (await isThere(to, wanted, target, call))) return "skipped"
  const whole = await getWhole(from, name, call)
  if (whole === null) return "gone"
  if ((await digestOf(whole.bytes)) !== parseName(whole.name)?.digest) {
    throw new PspError("damaged", `Cannot copy ${name.slice(-100)}: it does not hold the bytes it was named after`)
  }
  const placed = await putWhole(to, whole, call)
  const back = await getWhole(to, placed, call)
  if (back !== null && back.name === whole.name && equalBytes(back.bytes, whole.bytes)) return "copied"
  // The next copy would take it for done.
  await to.remove(placed, call)
  throw new PspError(
    "corrupt",
    `Cannot copy ${name.slice(-100)}: the other store gave back something else than was put`,
  )
}

/** Whether a store has an envelope, in one piece or in parts of its own size. */
async function isThere(to: Provider, wanted: string, { sizes, keys }: Shown, call: CallOptions): Promise<boolean> {
  if (sizes.has(wanted)) return true
  const group = keys.get(keyOf(wanted) ?? "")
  if (group === undefined || group.parts === 0) return false
  for (const name of group.envelopes) {
    const bytes = await to.get(name, call)
    if (bytes === null || wholeName({ name, bytes }) !== wanted) continue
    if (partNames({ name, bytes }).every((part) => sizes.has(part))) return true
  }
  return false
}

function broken(
  error: unknown,
  { copied }: CopyReport,
  { done, total }: CopyProgress,
  signal: AbortSignal | undefined,
): PspError {
  const isAborted = signal?.aborted === true
  const fault = toPspError(error, "Copying")
  const far = `${done} of ${total} objects are done, ${copied} of them copied now; the same command goes on from there`
  if (isAborted) return new PspError("aborted", `Stopped: ${far}`)
  return new PspError(fault.code, `${fault.message}; ${far}`, { cause: fault.cause ?? fault })
}
