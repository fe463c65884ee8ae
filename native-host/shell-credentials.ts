import type { StoreWarning } from "../shared/provider.js"
import { readStoreCredentials } from "./credentials.js"
import { namesS3Credentials } from "./s3-store.js"
import { storeKind } from "./store-kind.js"

/**
 * Warns of a store that opens here by the shell's variables only: the native host, which a browser starts, has none of them.
 * Nothing when what it needs is kept as well.
 */
export async function shellOnly(
  address: string,
  env: Record<string, string | undefined>,
  home: string,
): Promise<StoreWarning[]> {
  const kind = storeKind(address)
  const kept = await readStoreCredentials(home, address)
  if (kind === "s3" && namesS3Credentials(env) && kept.accessKeyId === undefined) {
    return [warning("credentials.accessKeyId and credentials.secretAccessKey")]
  }
  const { CLOUDFLARE_API_TOKEN: token = "" } = env
  if (kind === "cloudflare-kv" && token !== "" && kept.token === undefined) return [warning("credentials.token")]
  return []
}

function warning(keys: string): StoreWarning {
  return {
    code: "shell-credentials",
    message: `The credentials come from this shell, and a browser that saves has none of its variables; keep them with psp config set ${keys}`,
  }
}
