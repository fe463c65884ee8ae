import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import { createKvRestProvider } from "../shared/providers/cloudflare-kv.js"
import { parseKvAddress } from "./kv-address.js"
import { readStoreCredentials } from "./credentials.js"

/**
 * The store behind a `cloudflare-kv:` address. The API token is in `CLOUDFLARE_API_TOKEN`, where Cloudflare's own tools
 * have it, else among the credentials kept in `home`; for another server than Cloudflare's, which that token is hardly
 * meant for, the other way round.
 *
 * @throws `bad-config`, without a word of the address
 */
export async function openKvStore(
  address: string,
  env: Record<string, string | undefined>,
  home: string | null = null,
): Promise<Provider> {
  const { account, namespace, endpoint } = parseKvAddress(address)
  const variable = env["CLOUDFLARE_API_TOKEN"]?.trim() ?? ""
  const given = variable === "" ? undefined : variable
  const kept = async () => (await readStoreCredentials(home, address)).token
  const token = endpoint === null ? (given ?? (await kept())) : ((await kept()) ?? given)
  if (token === undefined) {
    throw new PspError(
      "bad-config",
      "Cannot open the store: expected an API token in CLOUDFLARE_API_TOKEN, or kept with psp config set credentials.token",
    )
  }
  return createKvRestProvider({ account, namespace, token, ...(endpoint !== null && { endpoint }) })
}
