import { readdir, readFile, unlink } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { parseCard, type Card, type Identity } from "../shared/keys.js"
import type { Provider } from "../shared/provider.js"
import { openVault, type Vault } from "../shared/vault.js"
import type { VaultMemory } from "../shared/vault-memory.js"
import { homeDir } from "./home.js"
import { readIdentity, writeIdentity } from "./identity-file.js"
import { offersFolder } from "./offers.js"
import { writePrivateFile } from "./private-file.js"
import { openHomeStore } from "./stores.js"
import type { Unlock } from "./unlock.js"

export interface HomeVaultOptions {
  /** PSP_HOME; found as the command line finds it when left out. */
  home?: string
  /** Store address, over `PSP_STORE` and the configuration. */
  store?: string
  /** Told about what happens by itself: a first browser that is trusted. */
  notice?: (text: string) => void
  env?: Record<string, string | undefined>
  /** How a locked identity is opened; where it is left out, PSP_PASSPHRASE_FILE or the system's keychain is what there is. */
  unlock?: Unlock
  /** This machine's, where it was read already: nobody is asked for the passphrase twice. */
  identity?: Identity
}

/**
 * The vault of this machine, as the command line finds it: PSP_HOME, PSP_STORE, the identity and the pinned owner.
 *
 * The first time, when exactly one browser has offered its card through the native host and this machine's own vault is
 * empty, that browser's vault is joined (the person pressed **Trust this computer** there) and the notice says so.
 *
 * @param onOpened is given the provider, for who wants to close it before the process ends
 * @throws `no-identity`, `bad-identity`, `unsafe-permissions`, `locked`, `wrong-passphrase`, `keychain-missing`, `keychain-locked`, `bad-config`, and the store's codes
 */
export async function openHomeVault(
  options: HomeVaultOptions = {},
  onOpened: (provider: Provider) => void = () => undefined,
): Promise<Vault> {
  const { env = process.env, home = homeDir(env), notice = () => undefined } = options
  const identity = options.identity ?? (await readIdentity(home, env, options.unlock))
  const provider = await openHomeStore(home, env, options.store)
  onOpened(provider)
  const memory = fileMemory(home)
  const owner = env["PSP_OWNER"]
  if (owner !== undefined && owner !== "") return openVault(provider, { identity, owner, ...inFile(memory, env) })
  if ((await memory.read()) === null) {
    const joined = await joinOffered(home, identity, provider, memory, notice)
    if (joined !== null) return joined
  }
  return openVault(provider, { identity, ...inFile(memory, env) })
}

/** A machine that got its identity from the environment may have no disk to remember on. */
function inFile(memory: VaultMemory, env: Record<string, string | undefined>): { memory?: VaultMemory } {
  return env["PSP_IDENTITY"] === undefined || env["PSP_IDENTITY"] === "" ? { memory } : {}
}

export function memoryPath(home: string): string {
  return join(home, "vault-memory.json")
}

/** What this machine remembers of its vault, 0600. */
export function fileMemory(home: string): VaultMemory {
  return {
    async read() {
      try {
        return await readFile(memoryPath(home), "utf8")
      } catch (error) {
        if (isNoEntry(error)) return null
        throw error
      }
    },
    write: (text) => writePrivateFile(memoryPath(home), text),
  }
}

/** Cards of browsers that wait to be trusted; what is no card is left out. */
export async function waitingOffers(home: string): Promise<Card[]> {
  const folder = offersFolder(home)
  const names = await readdir(folder).catch((error: unknown) => {
    if (isNoEntry(error)) return []
    throw error
  })
  const cards: Card[] = []
  for (const name of names.filter((entry) => entry.endsWith(".card")).sort()) {
    const card = await parseCard(await readFile(join(folder, name), "utf8")).catch(() => null)
    if (card !== null && name === `${card.writerId}.card`) cards.push(card)
  }
  return cards
}

export async function dropOffer(home: string, { writerId }: Pick<Card, "writerId">): Promise<void> {
  await unlink(join(offersFolder(home), `${writerId}.card`)).catch((error: unknown) => {
    if (!isNoEntry(error)) throw error
  })
}

/** Joins the vault of an owner whose card was accepted; null when that vault does not name this machine as an owner. */
export async function joinVault(
  home: string,
  identity: Identity,
  provider: Provider,
  owner: Card,
): Promise<Vault | null> {
  if (owner.vault === null) throw new PspError("bad-card", `Cannot trust "${owner.name}": it owns no vault`)
  const memory = fileMemory(home)
  const vault = await openVault(provider, { identity, owner: owner.text, memory })
  await vault.refresh()
  if (!vault.isOwner) return null
  await writeIdentity(home, { ...identity, vault: vault.id })
  await dropOffer(home, owner)
  return vault
}

async function joinOffered(
  home: string,
  identity: Identity,
  provider: Provider,
  memory: VaultMemory,
  notice: (text: string) => void,
): Promise<Vault | null> {
  const [offer, ...others] = await waitingOffers(home)
  if (offer === undefined || others.length > 0 || !(await isOwnVaultEmpty(identity, provider))) return null
  const trial = createTrialMemory()
  const vault = await openVault(provider, { identity, owner: offer.text, memory: trial })
  await vault.refresh()
  if (!vault.isOwner) return null
  await memory.write((await trial.read()) ?? "")
  const joined = await joinVault(home, identity, provider, offer)
  notice(`This machine now shares the vault of "${offer.name}". Fingerprint: ${offer.fingerprint}`)
  return joined
}

function createTrialMemory(): VaultMemory {
  let kept: string | null = null
  return {
    read: () => Promise.resolve(kept),
    write: (text) => {
      kept = text
      return Promise.resolve()
    },
  }
}

export async function isOwnVaultEmpty(identity: Identity, provider: Provider): Promise<boolean> {
  if (identity.vault === null) return true
  const { done } = await provider.list(`${identity.vault}/`)[Symbol.asyncIterator]().next()
  return done === true
}

function isNoEntry(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT"
}
