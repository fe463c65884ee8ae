import { bech32 } from "@scure/base"
import { base64ToBytes, utf8ToText } from "../../../shared/bytes.js"
import { open, parseName } from "../../../shared/envelope.js"
import { isPspError } from "../../../shared/errors.js"
import { clockMs } from "../../../shared/hlc.js"
import { createCard, createIdentity, type Identity } from "../../../shared/keys.js"
import type { Provider } from "../../../shared/provider.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import type { Snapshot } from "../../../shared/snapshot.js"
import { openVault, type Vault, type VaultMemory, type VaultOptions } from "../../../shared/vault.js"

/** 2027-01-15, so that nothing depends on the day of the test. */
export const start = 1_800_000_000_000
export const minute = 60_000
export const day = 24 * 60 * minute

export function createMemory(): VaultMemory & { text: string | null } {
  const memory = {
    text: null as string | null,
    read: () => Promise.resolve(memory.text),
    write: (text: string) => {
      memory.text = text
      return Promise.resolve()
    },
  }
  return memory
}

export async function createDevice(name: string): Promise<Identity & { card: string }> {
  const identity = await createIdentity(name)
  return { ...identity, card: await createCard(identity) }
}

/** A card as a later version may write it: no device of now reads it. */
export function laterCard(card: string): string {
  const { prefix, words } = bech32.decode(card as `psp1${string}`, false)
  const bytes = bech32.fromWords(words)
  bytes[0] = 2
  return bech32.encode(prefix, bech32.toWords(bytes), false)
}

export async function namesIn(provider: Provider, prefix = ""): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of provider.list(prefix)) names.push(name)
  return names
}

export async function bytesOf(provider: Provider, name: string): Promise<Uint8Array> {
  const bytes = await provider.get(name)
  if (bytes === null) throw new Error(`${name} is not there`)
  return bytes
}

/** Other bytes under a name, as only the store itself can do it. */
export async function overwrite(provider: Provider, name: string, bytes: Uint8Array): Promise<void> {
  await provider.remove(name)
  await provider.put(name, bytes)
}

/** Everything that a store holds now, in another one. */
export async function copyOf(provider: Provider): Promise<Provider> {
  const other = createMemoryProvider()
  for (const name of await namesIn(provider)) await other.put(name, await bytesOf(provider, name))
  return other
}

/** The text of everything in the store that an identity can open, by any name, as somebody without scruples does it. */
export async function openedBy(identity: Identity, store: Provider, owners: Vault[]): Promise<string[]> {
  const texts: string[] = []
  const keys = new Map(owners.flatMap((vault) => vault.owners()).map(({ writerId, writer }) => [writerId, writer]))
  for (const name of await namesIn(store)) {
    const opened = await open(await bytesOf(store, name), {
      reader: identity,
      writerKey: ({ writer }) => keys.get(writer) ?? null,
      // Whatever its end and stamp, this reader's clock is never an obstacle.
      now: clockMs(parseName(name)?.clock ?? ""),
    }).catch((error: unknown) => {
      if (!isPspError(error, "not-for-me")) throw error
      return null
    })
    if (opened === null) continue
    const text = utf8ToText(opened.plaintext)
    // Changes are an update in Base64, with its texts in it as they are.
    const { update = "" } = JSON.parse(text) as { update?: string }
    texts.push(text + new TextDecoder("latin1").decode(base64ToBytes(update) ?? new Uint8Array()))
  }
  return texts
}

/** What tells the saves of `exampleSnapshot` apart. */
export function tokenOf(snapshot: Snapshot | null): string | undefined {
  return snapshot?.origins?.[0]?.localStorage?.[0]?.[1]
}

/** Two owner devices of one vault, each with its own clock and memory, and its own provider where there are two. */
export async function createTwoOwners(
  provider: Provider,
  times: [() => number, () => number],
  other: Provider = provider,
): Promise<[Vault, Vault]> {
  const [a, b] = [await createDevice("a"), await createDevice("b")]
  const first = await openVault(provider, { identity: a, memory: createMemory(), now: times[0] })
  await first.addOwner(b.card)
  const options: VaultOptions = { identity: b, owner: a.card, memory: createMemory(), now: times[1] }
  const second = await openVault(other, options)
  await second.refresh()
  return [first, second]
}
