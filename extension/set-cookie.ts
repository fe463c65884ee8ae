import { browser } from "wxt/browser"
import { cookieDifferences, cookieId } from "../shared/cookies.js"
import type { Cookie } from "../shared/snapshot.js"
import { captureCookies } from "./capture-cookies.js"
import { siteOf } from "../shared/site.js"

/** Sets a cookie in one store and reads it back: true when the browser has it now just so. */
export async function setCookie(cookie: Cookie, storeId: string): Promise<boolean> {
  const { name, value, domain, hostOnly, path, secure, httpOnly, sameSite, expiresAt, partition } = cookie
  const details = {
    ...placeOf(cookie, storeId),
    name,
    value,
    ...(hostOnly ? {} : { domain }),
    path,
    secure,
    httpOnly,
    sameSite: sameSite === "none" ? ("no_restriction" as const) : sameSite,
    ...(expiresAt === null ? {} : { expirationDate: expiresAt / 1000 }),
    ...(partition === null ? {} : { partitionKey: partitionKeyOf(partition) }),
  }
  // The browser says no by an error, by null, or not at all: what it has afterwards counts.
  await browser.cookies.set(details as Parameters<typeof browser.cookies.set>[0]).catch(() => null)
  const found = (await cookiesOf(domain, storeId)).find((other) => cookieId(other) === cookieId(cookie))
  return found !== undefined && cookieDifferences(cookie, found).length === 0
}

/** True when it is gone. */
export async function removeCookie(cookie: Cookie, storeId: string): Promise<boolean> {
  const { name, domain, partition } = cookie
  const details = {
    ...placeOf(cookie, storeId),
    name,
    ...(partition === null ? {} : { partitionKey: partitionKeyOf(partition) }),
  }
  await browser.cookies.remove(details as Parameters<typeof browser.cookies.remove>[0]).catch(() => null)
  return (await cookiesOf(domain, storeId)).every((other) => cookieId(other) !== cookieId(cookie))
}

async function cookiesOf(domain: string, storeId: string): Promise<Cookie[]> {
  return captureCookies(siteOf(domain) ?? domain, storeId, [])
}

function placeOf({ domain, path, secure, firstPartyDomain }: Cookie, storeId: string) {
  return {
    url: `${secure ? "https" : "http"}://${domain}${path}`,
    storeId,
    ...(firstPartyDomain === undefined ? {} : { firstPartyDomain }),
  }
}

/** Chrome keeps the second part of the key apart; Firefox has none. */
function partitionKeyOf({ topLevelSite, hasCrossSiteAncestor }: NonNullable<Cookie["partition"]>) {
  return { topLevelSite, ...(hasCrossSiteAncestor === null ? {} : { hasCrossSiteAncestor }) }
}
