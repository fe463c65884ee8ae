import { PspError } from "../shared/errors.js"
import { parseS3Address } from "../shared/providers/s3-address.js"
import { parseKvAddress } from "./kv-address.js"
import { parseRedisAddress } from "./redis-address.js"
import { storeKind } from "./store-kind.js"

/**
 * Whose credentials a store asks for: what its address says of the server and the user, and nothing of the folder on it.
 * A password goes to no other place than the one that it was kept for, and for `rediss:` never over `redis:`, nor to a
 * server that only another certificate vouches for. null for a store that asks for none.
 *
 *     redis://user@hostname:port     rediss://user@hostname:port?ca=file     s3://bucket?endpoint=https://hostname     cloudflare-kv://account?endpoint=…
 *
 * @throws `bad-config` for an address that is none, in words that hold nothing of it
 */
export function placeOf(address: string): string | null {
  switch (storeKind(address)) {
    case "redis":
    case "rediss": {
      const { hostname, port, username } = parseRedisAddress({ url: address })
      const host = hostname.includes(":") ? `[${hostname}]` : hostname
      const user = username === null ? "" : `${encodeURIComponent(username)}@`
      const ca = new URL(address).searchParams.get("ca")
      const trusted = ca === null ? "" : `?ca=${encodeURIComponent(ca)}`
      return `${storeKind(address)}://${user}${host.toLowerCase()}:${port}${trusted}`
    }
    case "s3": {
      const { bucket, endpoint } = parseS3Address(address)
      return `s3://${bucket}${endpointPart(endpoint)}`
    }
    case "cloudflare-kv": {
      const { account, endpoint } = parseKvAddress(address)
      return `cloudflare-kv://${account}${endpointPart(endpoint)}`
    }
    default:
      return null
  }
}

/**
 * True for an address that names its own server instead of Amazon's or Cloudflare's. The variables of this computer are for
 * theirs: what is kept for such a server wins over them.
 */
export function hasEndpoint(address: string): boolean {
  const kind = storeKind(address)
  return (kind === "s3" || kind === "cloudflare-kv") && new URL(address).searchParams.has("endpoint")
}

/** An address and the password that stood in it, apart. Only a Redis address may hold one. @throws `bad-config` */
export function splitPassword(address: string): { address: string; password: string | null } {
  const kind = storeKind(address)
  if (kind !== "redis" && kind !== "rediss") return { address, password: null }
  const { password } = parseRedisAddress({ url: address })
  if (password === null) return { address, password }
  const url = new URL(address)
  url.password = ""
  return { address: url.href, password }
}

const shownParameters = ["prefix", "ca", "endpoint", "region", "pathStyle", "sse", "kmsKey", "checksums"]

/** An address as it may be printed: without a password, and without what no address of ours has and so may be one. */
export function shownAddress(address: string): string {
  if (/^(?:file|memory):/.test(address)) return address
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || url.host === "") return `${storeKind(address)}:…`
  const user = url.username === "" && url.password === "" ? "" : `${url.username}${url.password && ":…"}@`
  // What stands before an @ may be a password with a slash in it.
  const path = url.pathname.includes("@") ? "/…" : url.pathname
  const query = [...url.searchParams].map(([key, value]) => {
    if (!shownParameters.includes(key)) return "…"
    const shown = key === "endpoint" ? withoutUser(value) : value
    return `${key}=${shown.replace(/[&#\s]/g, encodeURIComponent)}`
  })
  return `${url.protocol}//${user}${url.host}${path}${query.length === 0 ? "" : `?${query.join("&")}`}`
}

function withoutUser(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null) return "…"
  return url.username === "" && url.password === "" ? endpoint : `${url.protocol}//…@${url.host}`
}

function endpointPart(endpoint: string | null | undefined): string {
  if (endpoint === null || endpoint === undefined) return ""
  if (!URL.canParse(endpoint)) throw new PspError("bad-config", "Cannot open the store: its endpoint is no address")
  return `?endpoint=${new URL(endpoint).origin}`
}
