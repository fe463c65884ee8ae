import type { Cookie, Snapshot } from "../snapshot.js"
import { beyondCookies, ofCookies, type Export } from "./export.js"
import type { Found } from "./found.js"
import { latestSecond, readCookies } from "./read-cookie.js"
import { notThis, parseJsonFile } from "./read-json.js"
import { fitCookies } from "./write-cookies.js"

/**
 * The cookies as Cookie-Editor (and EditThisCookie, and whoever writes what `chrome.cookies.getAll` gives) imports them:
 *
 *     [{ domain, name, value, path, hostOnly, httpOnly, secure, session, storeId: null, expirationDate?,
 *        sameSite: "unspecified" | "no_restriction" | "lax" | "strict" }]
 *
 * `expirationDate` is in seconds. Its import drops partitions, which would make another cookie of them: they are left out.
 *
 * @see https://developer.chrome.com/docs/extensions/reference/api/cookies#type-Cookie
 */
export function snapshotToCookieEditor(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const { kept, gaps } = fitCookies(snapshot.cookies, now)
  const partitioned = kept.filter(({ partition }) => partition !== null)
  const nameless = kept.filter(({ partition, name }) => partition === null && name === "")
  const written = kept.filter(({ partition, name }) => partition === null && name !== "")
  return {
    text: `${JSON.stringify(written.map(toChromeCookie), null, 2)}\n`,
    gaps: [
      ...gaps,
      ...ofCookies(partitioned, "partitioned cookie", "Cookie-Editor imports no partitions", adapterFix),
      ...ofCookies(nameless, "cookie", "Cookie-Editor imports none without a name", adapterFix),
      ...beyondCookies(snapshot, "Cookie-Editor"),
    ],
  }
}

/** What an export of Cookie-Editor holds. @throws `bad-snapshot` for what is none */
export function fromCookieEditor(text: string): Found {
  const list = parseJsonFile(text, format)
  if (!Array.isArray(list)) throw notThis(format, "expected a list of cookies")
  return readCookies(list, { expiryKey: "expirationDate", sameSite: sameSiteByStatus })
}

const format = "Cookie-Editor's cookies"
const adapterFix = "restore with --format playwright, or with an adapter"
const statuses = { unspecified: "unspecified", none: "no_restriction", lax: "lax", strict: "strict" } as const

/** Firefox and older exports say `none`, Safari says nothing. */
function sameSiteByStatus(text: string): Cookie["sameSite"] | null {
  const said = text.toLowerCase()
  if (said === "" || said === "unspecified") return "unspecified"
  if (said === "no_restriction" || said === "none") return "none"
  return said === "lax" || said === "strict" ? said : null
}

function toChromeCookie({ name, value, domain, hostOnly, path, httpOnly, secure, sameSite, expiresAt }: Cookie) {
  return {
    domain: hostOnly ? domain : `.${domain}`,
    name,
    value,
    path,
    hostOnly,
    httpOnly,
    secure,
    sameSite: statuses[sameSite],
    session: expiresAt === null,
    storeId: null,
    ...(expiresAt === null ? {} : { expirationDate: Math.min(expiresAt / 1000, latestSecond) }),
  }
}
