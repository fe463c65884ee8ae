import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import { createKvRestProvider } from "../shared/providers/cloudflare-kv.js"

/**
 * `cloudflare-kv://account/namespace`, both as ids; `?endpoint=` for another API than Cloudflare's own. The API token is
 * in `CLOUDFLARE_API_TOKEN`, where Cloudflare's own tools have it.
 *
 * @throws `bad-config`, without a word of the address, which may hold what somebody took for its place
 */
export function openKvStore(address: string, env: Record<string, string | undefined>): Provider {
  const { account, namespace, endpoint } = partsOf(address)
  const token = env["CLOUDFLARE_API_TOKEN"]?.trim() ?? ""
  if (token === "") throw cannot("expected an API token in CLOUDFLARE_API_TOKEN")
  return createKvRestProvider({ account, namespace, token, ...(endpoint !== null && { endpoint }) })
}

function partsOf(address: string): { account: string; namespace: string; endpoint: string | null } {
  const url = URL.canParse(address) ? new URL(address) : null
  const [, namespace = "", ...rest] = url?.pathname.split("/") ?? []
  if (url === null || url.host === "" || namespace === "" || rest.join("") !== "") {
    throw cannot("expected cloudflare-kv://account/namespace")
  }
  if (url.username !== "" || url.password !== "") {
    throw cannot("expected no user in the address; the API token belongs in CLOUDFLARE_API_TOKEN")
  }
  return { account: url.host, namespace, endpoint: url.searchParams.get("endpoint") }
}

function cannot(expected: string): PspError {
  return new PspError("bad-config", `Cannot open the store: ${expected}`)
}
