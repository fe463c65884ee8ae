import { browser } from "wxt/browser"
import { PspError } from "../shared/errors.js"

interface Containers {
  get(cookieStoreId: string): Promise<{ name: string }>
  create(details: { name: string; color: string; icon: string }): Promise<{ cookieStoreId: string }>
}

/** Firefox only, and not in Chrome's types. */
function containers(): Containers | undefined {
  return (browser as { contextualIdentities?: Containers }).contextualIdentities
}

export function hasContainers(): boolean {
  return containers() !== undefined
}

/** null for a store that is no container, and where containers are switched off or unknown. */
export async function containerName(cookieStoreId: string): Promise<string | null> {
  try {
    return (await containers()?.get(cookieStoreId))?.name ?? null
  } catch {
    return null
  }
}

/** A new one. @returns its cookie store @throws `usage` where there are no containers, or they are switched off */
export async function createContainer(name: string): Promise<string> {
  try {
    const created = await containers()?.create({ name, color: "blue", icon: "fingerprint" })
    if (created !== undefined) return created.cookieStoreId
  } catch {
    // Switched off in the browser's settings.
  }
  throw new PspError("usage", "Cannot open a container: this browser has none, or they are switched off")
}
