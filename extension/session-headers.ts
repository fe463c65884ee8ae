import { browser } from "wxt/browser"

/**
 * Which origins asked the browser to bind a session to this device (Device Bound Session Credentials): they answered with a
 * header that says so. Nothing else of an answer is looked at, and only names of origins are kept, in memory.
 *
 * The browser tells the extension only of sites that the person allowed, so a login before the first permission is not
 * seen; cookies that keep being renewed are the second sign (docs/portability.md).
 */
const names = new Set([
  "secure-session-registration",
  "secure-session-challenge",
  // As they were called in the first trials.
  "sec-session-registration",
  "sec-session-challenge",
])

const key = "session-headers"
/** Most origins that are kept; the newest stay. */
const most = 100

export function watchSessionHeaders(): void {
  browser.webRequest.onHeadersReceived.addListener(
    ({ url, responseHeaders = [] }) => {
      if (responseHeaders.some(({ name }) => names.has(name.toLowerCase()))) remember(new URL(url).origin)
      return undefined
    },
    { urls: ["*://*/*"], types: ["main_frame", "sub_frame", "xmlhttprequest"] },
    ["responseHeaders"],
  )
}

export async function sessionHeaderOrigins(): Promise<string[]> {
  const { [key]: found = [] } = (await browser.storage.session.get(key)) as { [key]?: string[] }
  return found
}

let writing: Promise<void> = Promise.resolve()

/** One after the other: each write adds to what the one before left. */
function remember(origin: string): void {
  writing = writing
    .then(async () => {
      const others = (await sessionHeaderOrigins()).filter((other) => other !== origin)
      await browser.storage.session.set({ [key]: [...others, origin].slice(-most) })
    })
    // The browser's memory for us is full: the second sign is left.
    .catch(() => undefined)
}
