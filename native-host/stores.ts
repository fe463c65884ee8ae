import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import { readConfig } from "./config.js"
import { storeKind } from "./store-kind.js"

export { storeKind } from "./store-kind.js"

/** Where this machine's vault is: `PSP_STORE`, else what the configuration says, else a folder in `home`. */
export async function storeAddress(
  home: string,
  env: Record<string, string | undefined> = process.env,
): Promise<string> {
  const { PSP_STORE: chosen } = env
  if (chosen !== undefined && chosen !== "") return chosen
  return (await readConfig(home)).store ?? defaultStore(home)
}

/** The folder that is the store where none was chosen. */
export function defaultStore(home: string): string {
  return pathToFileURL(join(home, "vault")).href
}

/** The store of this machine, or another one, opened with the credentials that are kept in `home`. @throws as `openStore` */
export async function openHomeStore(
  home: string,
  env: Record<string, string | undefined> = process.env,
  address?: string,
): Promise<Provider> {
  return openStore(address ?? (await storeAddress(home, env)), env, home)
}

/** The kind, where this build knows it; what stands before the colon of a mistyped address may be a name or a password. */
export function knownStoreKind(address: string): string {
  const kind = storeKind(address)
  return ["file", "memory", "redis", "rediss", "s3", "cloudflare-kv"].includes(kind) ? kind : "unknown"
}

/**
 * The provider behind an address; each one is loaded only when it is asked for. Credentials are those of the address or the
 * environment, else those that `home` keeps for this place.
 *
 * @throws `bad-config` for an address that is none, or of a store that this build does not know, and whatever reading the
 * kept credentials throws
 */
export async function openStore(
  address: string,
  env: Record<string, string | undefined> = process.env,
  home: string | null = null,
): Promise<Provider> {
  switch (storeKind(address)) {
    case "file": {
      const { createFsProvider } = await import("./fs-provider.js")
      return createFsProvider(folderOf(address))
    }
    case "memory": {
      const { createMemoryProvider } = await import("../shared/providers/memory.js")
      return createMemoryProvider()
    }
    case "redis":
    case "rediss": {
      const { openRedisStore } = await import("./redis-store.js")
      return openRedisStore(address, home)
    }
    case "s3": {
      const { openS3Store } = await import("./s3-store.js")
      return openS3Store(address, env, home)
    }
    case "cloudflare-kv": {
      const { openKvStore } = await import("./kv-store.js")
      return openKvStore(address, env, home)
    }
    default:
      throw new PspError(
        "bad-config",
        `Cannot open a store of the kind "${storeKind(address)}": expected an address like redis://hostname/0, file:///absolute/folder or memory:`,
      )
  }
}

/** @throws `bad-config` */
export function folderOf(address: string): string {
  const expected = (what: string) => new PspError("bad-config", `Cannot open the store: expected ${what}`)
  // The system would repeat it in its own words, the character and all.
  if (/%00|\0/.test(address)) throw expected("a folder without the character NUL (%00) in its name")
  try {
    return fileURLToPath(address)
  } catch {
    throw expected("file:///absolute/folder, with nothing before the path")
  }
}
