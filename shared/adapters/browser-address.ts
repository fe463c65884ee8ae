import { PspError } from "../errors.js"

/**
 * The address of a browser as a person gives it, parsed once. It may hold a token: nothing of it is part of a message.
 *
 * @param scheme that is meant where the address has none
 * @param expected an example of a good one, for the message
 * @throws `usage` for what no browser can listen at
 */
export function parseBrowserAddress(address: string, scheme: "http" | "ws", expected: string): URL {
  // `localhost:9222` has no scheme: a port follows.
  const text = /^[a-z][a-z\d+.-]*:(?!\d)/i.test(address) ? address : `${scheme}://${address}`
  const url = URL.canParse(text) ? new URL(text) : null
  const why = url === null ? "it is no URL" : faultOf(url)
  if (url !== null && why === null) return url
  throw new PspError("usage", `Cannot use the browser's address: ${String(why)}; expected ${expected}`)
}

/** What messages may show of an address: paths and queries of browser services carry tokens. */
export function placeOfBrowser({ protocol, host }: URL): string {
  return `${protocol}//${host}`
}

function faultOf({ protocol, hash, username, password }: URL): string | null {
  if (!/^(?:http|ws)s?:$/.test(protocol)) return "its scheme is none of http, https, ws and wss"
  if (hash !== "") return "it has a fragment (#…), which no server sees"
  return username === "" && password === "" ? null : "it has a user name or password, which websockets do not send"
}
