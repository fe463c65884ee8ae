import type { Cookie, Partition } from "../../snapshot.js"
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
 * Firefox tells no partition of a cookie: those of the sites that are asked about are found by asking for each.
 *
 * @param topSites that a partition may belong to, beside those of the cookies that were set
 */
export function bidiJar(session: BidiSession, userContext: string, topSites: () => string[]): Jar {
  const isFirefox = session.browser.name === "firefox"
  const known = new Set<string>()
  const within = (topLevelSite?: string) => ({
    type: "storageKey",
    userContext,
    ...(topLevelSite === undefined ? {} : { sourceOrigin: topLevelSite }),
  })
  const readOf = async (topLevelSite?: string) => {
    const asked = { partition: within(topLevelSite) }
    return ((await session.send("storage.getCookies", asked)) as { cookies: BidiCookie[] }).cookies
  }
  return {
    set: async (cookies) => {
      const sent = cookies.map(async (cookie) => {
        const { partition } = cookie
        await session.send("storage.setCookie", {
          cookie: toBidiCookie(cookie),
          partition: within(partition?.topLevelSite),
        })
        if (partition !== null) known.add(partition.topLevelSite)
      })
      const failed = (await Promise.allSettled(sent)).find(({ status }) => status === "rejected")
      if (failed?.status === "rejected") throw failed.reason
    },
    read: async () => {
      const all = (await readOf()).map((cookie) => fromBidiCookie(cookie, null, isFirefox))
      const rest = new Map<string, Cookie[]>()
      for (const cookie of all) rest.set(JSON.stringify(cookie), [...(rest.get(JSON.stringify(cookie)) ?? []), cookie])
      for (const topLevelSite of new Set([...known, ...topSites()])) {
        for (const found of await readOf(topLevelSite)) {
          const cookie = fromBidiCookie(found, null, isFirefox)
          const same = rest.get(JSON.stringify(cookie))?.shift()
          if (same !== undefined) same.partition = { topLevelSite, hasCrossSiteAncestor: null }
        }
      }
      return all
    },
    isExact: true,
    holds: () => true,
  }
}

function toBidiCookie(cookie: Cookie): BidiCookie {
  const { name, value, domain, hostOnly, path, secure, httpOnly, sameSite, expiresAt } = cookie
  return {
    name,
    // Firefox has been seen to encode a string twice that is not ASCII.
    value: /^[ -~]*$/.test(value) ? { type: "string", value } : { type: "base64", value: btoa(bytesOf(value)) },
    domain: hostOnly ? domain : `.${domain}`,
    path,
    secure,
    httpOnly,
    sameSite: sameSite === "unspecified" ? "default" : sameSite,
    ...(expiresAt === null ? {} : { expiry: Math.round(expiresAt / 1000) }),
  }
}

function fromBidiCookie(cookie: BidiCookie, partition: Partition | null, isFirefox: boolean): Cookie {
  const { name, path, secure, httpOnly, sameSite = "default", expiry } = cookie
  const { type, value } = cookie.value
  return {
    name: isFirefox ? textOf(name) : name,
    value: type === "base64" ? textOf(atob(value)) : isFirefox ? textOf(value) : value,
    domain: cookie.domain.replace(/^\./, ""),
    hostOnly: !cookie.domain.startsWith("."),
    path,
    secure,
    httpOnly,
    sameSite: sameSite === "default" ? "unspecified" : sameSite,
    expiresAt: expiry === undefined ? null : expiry * 1000,
    partition,
  }
}

/** The UTF-8 bytes of a text, each as a character. */
function bytesOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("")
}

/** Of what Firefox gives: its cookies are bytes, and each comes as a character. Bytes that are no UTF-8 stay as they are. */
function textOf(bytes: string): string {
  if (!/[^\u0000-\u007f]/.test(bytes) || /[^\u0000-\u00ff]/.test(bytes)) return bytes
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Uint8Array.from(bytes, (char) => char.charCodeAt(0)),
    )
  } catch {
    return bytes
  }
}
