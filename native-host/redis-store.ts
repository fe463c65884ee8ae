import type { Provider } from "../shared/provider.js"
import { readStoreCredentials } from "./credentials.js"
import { parseRedisAddress } from "./redis-address.js"
import { createRedisProvider } from "./redis-provider.js"

/**
 * The store behind a `redis:` or `rediss:` address. The password is that of the address, else the one kept in `home` for
 * this server and user.
 *
 * @throws `bad-config`
 */
export async function openRedisStore(address: string, home: string | null = null): Promise<Provider> {
  const isGiven = parseRedisAddress({ url: address }).password !== null
  const { password } = isGiven ? {} : await readStoreCredentials(home, address)
  return createRedisProvider({ url: address, ...(password !== undefined && { password }) })
}
