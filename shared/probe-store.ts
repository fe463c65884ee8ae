import { equalBytes, hex, randomBytes, utf8 } from "./bytes.js"
import { isPspError, PspError, toPspError } from "./errors.js"
import { notCreateOnly } from "./not-create-only.js"
import { maxObjectBytes, type CallOptions, type Provider, type StoreWarning } from "./provider.js"

/** What a store showed when it was tried. */
export interface StoreProbe {
  /** False when a name may get other bytes than those it was created with, by anybody who puts it. */
  isCreateOnly: boolean
  /** The largest object that it takes (bytes). */
  maxObjectBytes: number
  /** The provider's own, and what the trial met. */
  warnings: StoreWarning[]
}

/** Nobody needs what an interrupted trial leaves behind (ms). */
const leftoverLife = 60 * 60 * 1000
/** ms. */
const cleanWithin = 5000

/**
 * Tries a store before it is believed: writes a small object under a new random name, reads it back, finds it in a list,
 * puts other bytes under its name, removes it. Leaves nothing behind, also when a step fails.
 *
 * The name does not end in a digest, as the vault's do, so that no provider takes the second put for a repeated one.
 *
 * @throws a `PspError` that names the step: the provider's own code, or `corrupt` where the store answered something else
 * than was put
 */
export async function probeStore(
  provider: Provider,
  options: CallOptions = {},
  { now = Date.now }: { now?: () => number } = {},
): Promise<StoreProbe> {
  await step("looking at it", async () => provider.check?.(options))
  const name = `probe/${hex(randomBytes(16))}`
  const bytes = utf8(`trial ${hex(randomBytes(16))}`)
  const warnings: StoreWarning[] = []
  let isWritten = false
  try {
    isWritten = true
    await step("writing an object", () => provider.put(name, bytes, { ...options, expiresAt: now() + leftoverLife }))
    await step("reading it back", async () => expectBytes(await provider.get(name, options), bytes))
    await step("listing it", async () => expectListed(provider, name, bytes.length, options))
    if (await step("putting other bytes under its name", () => takesOther(provider, name, bytes, options))) {
      warnings.push(replaces)
    }
    await step("removing it", () => provider.remove(name, options))
    isWritten = false
    const left = await step("looking whether it is gone", () => provider.get(name, options))
    if (left !== null) warnings.push(shownAfterRemoval)
  } finally {
    // Also for whoever called off: a piece of ours in the store serves nobody.
    if (isWritten) await provider.remove(name, { signal: AbortSignal.timeout(cleanWithin) }).catch(() => undefined)
  }
  const told = (await step("asking for its warnings", async () => provider.warnings?.(options))) ?? []
  const all = [...told, ...warnings.filter(({ code }) => !told.some((warning) => warning.code === code))]
  return {
    isCreateOnly: !all.some(({ code }) => code === replaces.code),
    maxObjectBytes: provider.maxObjectBytes ?? maxObjectBytes,
    warnings: all,
  }
}

const replaces = notCreateOnly("This store replaced an object by other bytes")

const shownAfterRemoval: StoreWarning = {
  code: "shown-after-removal",
  message:
    "This store still showed an object after its removal: it shows changes late, or it keeps what was removed; what you forget may stay there for a while",
}

async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code, message } = toPspError(error, "The store")
    if (code === "aborted") throw error
    throw new PspError(code, `Cannot use the store, ${what} failed: ${message}`)
  }
}

function expectBytes(found: Uint8Array | null, bytes: Uint8Array): void {
  if (found === null) throw new PspError("corrupt", "it was there no more right after it was written")
  if (!equalBytes(found, bytes)) throw new PspError("corrupt", "the store gave back other bytes than were written")
}

async function expectListed(provider: Provider, name: string, size: number, options: CallOptions): Promise<void> {
  for await (const object of provider.list("probe/", options)) {
    if (object.name !== name) continue
    if (object.size === size) return
    throw new PspError("corrupt", `the list says ${object.size} bytes of an object of ${size}`)
  }
  throw new PspError("corrupt", "the list of the store does not have the object that was just written")
}

/** True when the name has other bytes now, whether the store said so or not. */
async function takesOther(provider: Provider, name: string, bytes: Uint8Array, options: CallOptions): Promise<boolean> {
  try {
    await provider.put(name, utf8("other bytes"), options)
    return true
  } catch (error) {
    if (!isPspError(error, "corrupt")) throw error
  }
  const kept = await provider.get(name, options)
  return kept === null || !equalBytes(kept, bytes)
}
