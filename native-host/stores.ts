import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import { readConfig } from "./config.js"

/** Where this machine's vault is: `PSP_STORE`, else what the configuration says, else a folder in `home`. */
export async function storeAddress(
  home: string,
  env: Record<string, string | undefined> = process.env,
): Promise<string> {
  const { PSP_STORE: chosen } = env
  if (chosen !== undefined && chosen !== "") return chosen
  return (await readConfig(home)).store ?? pathToFileURL(join(home, "vault")).href
}

/** Scheme of an address, for people and reports; an address may hold a password, its scheme never does. */
export function storeKind(address: string): string {
  return /^([a-z][a-z0-9-]{0,31}):/.exec(address)?.[1] ?? "unknown"
}

/**
 * The provider behind an address; each one is loaded only when it is asked for.
 *
 * @throws `bad-config` for an address that is none, or of a store that this build does not know
 */
export async function openStore(
  address: string,
  env: Record<string, string | undefined> = process.env,
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
      const { createRedisProvider } = await import("./redis-provider.js")
      return createRedisProvider({ url: address })
    }
    case "s3": {
      const { openS3Store } = await import("./s3-store.js")
      return openS3Store(address)
    }
    case "cloudflare-kv": {
      const { openKvStore } = await import("./kv-store.js")
      return openKvStore(address, env)
    }
    default:
      throw new PspError(
        "bad-config",
        `Cannot open a store of the kind "${storeKind(address)}": expected an address like redis://hostname/0, file:///absolute/folder or memory:`,
      )
  }
}

function folderOf(address: string): string {
  try {
    return fileURLToPath(address)
  } catch {
    throw new PspError(
      "bad-config",
      "Cannot open the store: expected file:///absolute/folder, with nothing before the path",
    )
  }
}
