import { browser } from "wxt/browser"
import { createIdentity, identityToText, parseIdentity, type Identity } from "../shared/keys.js"
import type { Provider } from "../shared/provider.js"
import { openVault, type Vault, type VaultMemory } from "../shared/vault.js"
import { deleteKept, keepFirst, readKept, writeKept } from "./db.js"
import { browserOf } from "./stores.js"

/**
 * This browser as an owner device: its identity and what it remembers of its vault live in IndexedDB. The first caller
 * makes the identity; callers at the same moment get the same one.
 */
let loading: Promise<Identity> | undefined

export function thisDevice(): Promise<Identity> {
  loading ??= loadIdentity().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function loadIdentity(): Promise<Identity> {
  const text = await readKept("identity")
  if (text !== null) return parseIdentity(text)
  const identity = await createIdentity(await deviceName())
  return parseIdentity(await keepFirst("identity", identityToText(identity)))
}

/** The card of the vault's owner this browser was adopted by; null while it owns a vault of its own. */
export async function adoptedBy(): Promise<string | null> {
  return readKept("owner")
}

/** The card of an owner whose vault this browser wants to join; null when it waits for nobody. */
export async function joining(): Promise<string | null> {
  return readKept("joining")
}

/** From now on this browser waits to be let into that owner's vault; until then it goes on with the one it has. */
export async function beginJoining(ownerCard: string): Promise<void> {
  await deleteKept("joining-memory")
  await writeKept("joining", ownerCard)
}

/** The vault this browser waits for. */
export async function openJoinedVault(provider: Provider, owner: string): Promise<Vault> {
  return openVault(provider, { identity: await thisDevice(), owner, memory: memoryIn("joining-memory") })
}

/** It was let in: that vault is the one of this browser from now on. */
export async function finishJoining(ownerCard: string): Promise<void> {
  await writeKept("memory", (await readKept("joining-memory")) ?? "")
  await writeKept("owner", ownerCard)
  await deleteKept("joining")
  await deleteKept("joining-memory")
}

/** The vault over a store, or over none: sealing needs no store, and everything else says that the host is away. */
export async function openDeviceVault(provider: Provider): Promise<Vault> {
  const [identity, owner] = [await thisDevice(), await adoptedBy()]
  return openVault(provider, { identity, memory: memoryIn("memory"), ...(owner === null ? {} : { owner }) })
}

function memoryIn(name: string): VaultMemory {
  return { read: () => readKept(name), write: (text) => writeKept(name, text) }
}

async function deviceName(): Promise<string> {
  const { os } = await browser.runtime.getPlatformInfo()
  const systems: Record<string, string> = {
    linux: "Linux",
    mac: "macOS",
    win: "Windows",
    cros: "ChromeOS",
    openbsd: "OpenBSD",
  }
  const { engine } = browserOf(navigator.userAgent)
  return `${engine === "firefox" ? "Firefox" : "Chromium"} on ${systems[os] ?? os}`
}
