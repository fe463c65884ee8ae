import { utf8Length } from "../bytes.js"
import type { Snapshot } from "../snapshot.js"
import type { Export } from "./export.js"
import type { Found } from "./found.js"
import { fitsLine, fromNetscape, writeLines } from "./netscape.js"

/**
 * The cookies as a jar for `curl -b FILE` and `-c FILE`: a `cookies.txt` (see `netscape.ts`) as curl writes it. What curl
 * skips without a word is left out and named: lines longer than 5,000 bytes.
 *
 * @see https://curl.se/docs/http-cookies.html
 */
export function snapshotToCurlJar(snapshot: Snapshot, { now = Date.now() } = {}): Export {
  const head = ["# Netscape HTTP Cookie File", "# https://curl.se/docs/http-cookies.html", ""]
  return writeLines(snapshot, now, head, (cookie) => {
    const { name, value, domain, path } = cookie
    return fitsLine(cookie) && utf8Length(name + value + domain + path) + otherFields <= maxLine
  })
}

/** What a jar of curl holds. @throws `bad-snapshot` for what is none */
export function fromCurlJar(text: string): Found {
  return fromNetscape(text)
}

const maxLine = 5000
/** The mark, a dot, two flags, an end and the tabs between. */
const otherFields = 50
