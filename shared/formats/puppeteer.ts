import type { Cookie, Snapshot } from "../snapshot.js"
import { beyondCookies, type Export } from "./export.js"
import type { Found } from "./found.js"
import { readCookies, sameSiteByName } from "./read-cookie.js"
import { notThis, parseJsonFile } from "./read-json.js"
import { crossSiteAncestorOf, fitCookies, toCdpCookie } from "./write-cookies.js"

/**
 * The cookies as Puppeteer takes them in `browserContext.setCookie(...cookies)` and gives them in `cookies()`:
 *
 *     [{ name, value, domain, path, expires?, httpOnly, secure, sameSite?,
 *        partitionKey?: { sourceOrigin: "https://example.com", hasCrossSiteAncestor } }]
 *
 * The end is in seconds and left out for a session cookie. A partition key that is a plain text means "no ancestor of another
 * site" there, and such a cookie is not sent in the frames it is for: it is always written as an object.
 */
export function snapshotToPuppeteer(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const { kept, gaps } = fitCookies(snapshot.cookies, now)
  return {
    text: `${JSON.stringify(kept.map(toPuppeteerCookie), null, 2)}\n`,
    gaps: [...gaps, ...beyondCookies(snapshot, "Puppeteer's list of cookies")],
  }
}

/** What a list of Puppeteer's cookies holds. @throws `bad-snapshot` for what is none */
export function fromPuppeteer(text: string): Found {
  const list = parseJsonFile(text, format)
  if (!Array.isArray(list)) throw notThis(format, "expected a list of cookies")
  return readCookies(list, { expiryKey: "expires", sameSite: sameSiteByName })
}

const format = "Puppeteer's cookies"

function toPuppeteerCookie(cookie: Cookie) {
  const { partition, domain } = cookie
  const { expires, ...rest } = toCdpCookie(cookie)
  return {
    ...rest,
    ...(expires === -1 ? {} : { expires }),
    ...(partition === null
      ? {}
      : {
          partitionKey: {
            sourceOrigin: partition.topLevelSite,
            hasCrossSiteAncestor: crossSiteAncestorOf(partition, domain),
          },
        }),
  }
}
