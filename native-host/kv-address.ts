import { PspError } from "../shared/errors.js"

/** Where a Cloudflare KV store is; both are ids. */
export interface KvAddress {
  account: string
  namespace: string
  /** Of another API than Cloudflare's own. */
  endpoint: string | null
}

/**
 * `cloudflare-kv://account/namespace?endpoint=`
 *
 * @throws `bad-config`, without a word of the address, which may hold what somebody took for its place
 */
export function parseKvAddress(address: string): KvAddress {
  const url = URL.canParse(address) ? new URL(address) : null
  const [, namespace = "", ...rest] = url?.pathname.split("/") ?? []
  if (url === null || url.host === "" || namespace === "" || rest.join("") !== "") {
    throw bad("expected cloudflare-kv://account/namespace")
  }
  if (url.username !== "" || url.password !== "") {
    throw bad("expected no user in the address; keep the API token with psp config set credentials.token")
  }
  const query = [...url.searchParams]
  if (query.some(([name]) => name !== "endpoint") || query.length > 1 || url.hash !== "") {
    throw bad("expected nothing but ?endpoint= after it; keep the API token with psp config set credentials.token")
  }
  const endpoint = url.searchParams.get("endpoint")
  if (endpoint !== null) checkEndpoint(endpoint)
  return { account: url.host, namespace, endpoint }
}

function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    throw bad("its endpoint is no address of a server, like https://kv.example.com")
  }
  if (url.username !== "" || url.password !== "") throw bad("credentials do not belong in its endpoint")
}

function bad(expected: string): PspError {
  return new PspError("bad-config", `Cannot open the store: ${expected}`)
}
