import type { Cookie } from "../../snapshot.js"
import { belongsToSite } from "../../site.js"
import type { Jar } from "../cookie-jar.js"
import type { BidiSession } from "./session.js"

/** A cookie as BiDi gives and takes it; `expiry` in whole seconds. */
interface BidiCookie {
  name: string
  value: { type: "string" | "base64"; value: string }
  domain: string
  path: string
  secure: boolean
  httpOnly: boolean
  sameSite?: "strict" | "lax" | "none" | "default"
  expiry?: number
}

/**
 * The jar of a user context.
 *
 * Firefox tells no partition of a cookie (153), and for a `sourceOrigin` gives the cookies of its partition together with the
 * unpartitioned ones of its own site. Those alone are what `wss://<site>` gives: cookies of pages are never partitioned below
 * that scheme. So the rest is partitioned, and where, is found by asking for each top-level site that can be thought of.
 *
 * @param topSites of the pages that are open; those of cookies that were set and the cookies' own sites are thought of too
 */
export function bidiJar(session: BidiSession, userContext: string, topSites: () => string[]): Jar {
  const isFirefox = session.browser.name === "firefox"
  const known = new Set<string>()
  const within = (sourceOrigin: string | null) => ({
    type: "storageKey",
    userContext,
    ...(sourceOrigin === null ? {} : { sourceOrigin }),
  })
  const readOf = async (sourceOrigin: string | null) => {
    const asked = { partition: within(sourceOrigin) }
    const { cookies } = (await session.send("storage.getCookies", asked)) as { cookies: BidiCookie[] }
    return cookies.map(fromBidiCookie)
  }
  const setOne = async (cookie: Cookie) => {
    const top = cookie.partition?.topLevelSite ?? null
    await session.send("storage.setCookie", { cookie: toBidiCookie(cookie), partition: within(top) })
    if (top !== null) known.add(top)
  }
  return {
    set: async (cookies) => {
      const failed = (await Promise.allSettled(cookies.map(setOne))).find(({ status }) => status === "rejected")
      if (failed?.status === "rejected") throw failed.reason
    },
    read: async (sites) => {
      const all = await readOf(null)
      const ofSites = all.filter(({ domain }) => sites.some((site) => belongsToSite(domain, site)))
      const present = sites.filter((site) => ofSites.some(({ domain }) => belongsToSite(domain, site)))
      const rest = createPile(ofSites)
      for (const site of present) for (const cookie of await readOf(`wss://${site}`)) rest.take(cookie)
      for (const cookie of rest.left()) cookie.partition = { topLevelSite: "", hasCrossSiteAncestor: null }
      const possible = [...topSites(), ...sites].flatMap((site) => [`https://${site}`, `http://${site}`])
      for (const topLevelSite of new Set([...known, ...possible])) {
        if (rest.left().length === 0) break
        for (const cookie of await readOf(topLevelSite)) {
          const found = rest.take(cookie)
          if (found !== null) found.partition = { topLevelSite, hasCrossSiteAncestor: null }
        }
      }
      return all
    },
    isExact: true,
    knowsAncestors: false,
    holds: () => true,
    faultOf: ({ name, value }) => (isFirefox && !/^[ -~]*$/.test(name + value) ? encodedTwice : null),
  }
}

/** However it is given, as a string or as base64: its site would get another value (Firefox 153). */
const encodedTwice = { why: "over WebDriver BiDi this browser encodes twice what is not ASCII", fix: "" }

/** Cookies to be found again among others that look the same. */
function createPile(cookies: Cookie[]) {
  const piles = new Map<string, Cookie[]>()
  for (const cookie of cookies) {
    const look = JSON.stringify(cookie)
    piles.set(look, [...(piles.get(look) ?? []), cookie])
  }
  return {
    /** One that looks like this one; null when there is none any more. */
    take: (cookie: Cookie): Cookie | null => piles.get(JSON.stringify(cookie))?.shift() ?? null,
    left: (): Cookie[] => [...piles.values()].flat(),
  }
}

function toBidiCookie(cookie: Cookie): BidiCookie {
  const { name, value, domain, hostOnly, path, secure, httpOnly, sameSite, expiresAt } = cookie
  return {
    name,
    value: { type: "string", value },
    domain: hostOnly ? domain : `.${domain}`,
    path,
    secure,
    httpOnly,
    sameSite: sameSite === "unspecified" ? "default" : sameSite,
    ...(expiresAt === null ? {} : { expiry: Math.round(expiresAt / 1000) }),
  }
}

function fromBidiCookie(cookie: BidiCookie): Cookie {
  const { name, path, secure, httpOnly, sameSite = "default", expiry } = cookie
  const { type, value } = cookie.value
  return {
    name,
    value: type === "base64" ? textOf(atob(value)) : value,
    domain: cookie.domain.replace(/^\./, ""),
    hostOnly: !cookie.domain.startsWith("."),
    path,
    secure,
    httpOnly,
    sameSite: sameSite === "default" ? "unspecified" : sameSite,
    expiresAt: expiry === undefined ? null : expiry * 1000,
    partition: null,
  }
}

/** Of bytes that each come as a character; what is no UTF-8 stays as it is. */
function textOf(bytes: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(bytes, (char) => char.charCodeAt(0)),
    )
  } catch {
    return bytes
  }
}
