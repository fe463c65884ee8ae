import { browser } from "wxt/browser"
import { createIdentity, identityToText, type Identity } from "../shared/keys.js"
import type { Provider } from "../shared/provider.js"
import { openVault, type Vault, type VaultMemory } from "../shared/vault.js"
import { withEventsSeen } from "../shared/vault-memory.js"
import { deleteKept, keepFirstSecret, readKept, readSecret, writeKept } from "./db.js"
import { parseDevice, type Device } from "./locked-device.js"
import { browserOf } from "./stores.js"
import { unlockedSecret } from "./unlocked.js"

/**
 * This browser as an owner device: its identity and what it remembers of its vault live in IndexedDB. The first caller
 * makes the identity; callers at the same moment get the same one. While it is locked it is there without what opens: saving goes on.
 */
export async function thisDevice(): Promise<Identity> {
  const text = (await readSecret("identity")) ?? (await firstIdentity())
  if (last?.text !== text) last = { text, device: parseDevice(text), unlocked: null }
  const { device, unlocked } = last
  if (device.file === null) return device.identity
  const age = await unlockedSecret()
  if (age === null) {
    last.unlocked = null
    return device.identity
  }
  return unlocked?.age === age ? unlocked : (last.unlocked = { ...device.identity, age })
}

/** What is computed of an identity is found by its object: the same text is the same one. */
let last: { text: string; device: Device; unlocked: Identity | null } | null = null

/** True while nothing can be opened here. */
export async function isDeviceLocked(): Promise<boolean> {
  return (await thisDevice()).age === null
}

async function firstIdentity(): Promise<string> {
  const identity = await createIdentity(await deviceName())
  return keepFirstSecret("identity", identityToText(identity))
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

/**
 * The same vault for long reading, while others use it: of what it learns only which events were seen is remembered.
 *
 * @param alone does what nobody else may do meanwhile
 */
export async function openReadingVault(
  provider: Provider,
  alone: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<Vault> {
  const [identity, owner] = [await thisDevice(), await adoptedBy()]
  const memory: VaultMemory = {
    read: () => readKept("memory"),
    write: (text) =>
      alone(async () => {
        const kept = await readKept("memory")
        if (kept !== null && kept !== "") await writeKept("memory", withEventsSeen(kept, text))
      }),
  }
  return openVault(provider, { identity, memory, ...(owner === null ? {} : { owner }) })
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
