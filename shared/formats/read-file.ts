import { fromAgentBrowser } from "./agent-browser.js"
import { fromBrowserUse } from "./browser-use.js"
import { fromCookieEditor } from "./cookie-editor.js"
import { fromCurlJar } from "./curl-jar.js"
import { detectFormat, type ReadableFormat } from "./detect.js"
import { fileText } from "./file-text.js"
import type { Found } from "./found.js"
import { fromHar } from "./har.js"
import { fromNetscape } from "./netscape.js"
import { fromPlaywright } from "./playwright.js"
import { fromPuppeteer } from "./puppeteer.js"

const readers: Record<ReadableFormat, (text: string) => Found> = {
  playwright: fromPlaywright,
  puppeteer: fromPuppeteer,
  "cookie-editor": fromCookieEditor,
  netscape: fromNetscape,
  "curl-jar": fromCurlJar,
  har: fromHar,
  "browser-use": fromBrowserUse,
  "agent-browser": fromAgentBrowser,
}

/**
 * What another tool's file holds; the format is seen in its content when none is named.
 *
 * @throws `bad-snapshot`, `too-large`; the message holds nothing of the file
 */
export function readFoundFile(bytes: Uint8Array, format?: ReadableFormat): { found: Found; format: ReadableFormat } {
  const text = fileText(bytes)
  const chosen = format ?? detectFormat(text)
  return { found: readers[chosen](text), format: chosen }
}
