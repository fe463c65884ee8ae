import { storeKind } from "./stores.js"

/** Where a store is, for people: of all but a folder only the server and what is before a user, a password or options. */
export function placeText(address: string): string {
  const kind = storeKind(address)
  if (kind === "file") return address
  if (kind === "memory") return "memory:"
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || url.host === "") return `${kind}:…`
  return `${kind}://${url.host}${url.pathname.includes("@") ? "/…" : url.pathname}`
}
