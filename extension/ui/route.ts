import { useEffect, useState } from "preact/hooks"
import { browser } from "wxt/browser"
import type { SessionName } from "../forget.js"

/** Where the dashboard hands off a session: only here, in a page of the extension, a recipient is ever accepted. */
export function handOffPath({ site, account }: SessionName): string {
  return `dashboard.html#hand-off?${new URLSearchParams({ site, account }).toString()}`
}

/** Opens that page. */
export function openHandOff(session: SessionName): void {
  void browser.tabs.create({ url: `${browser.runtime.getURL("/")}${handOffPath(session)}` })
}

/** Where the dashboard shows the access history at once. */
export const historyPath = "dashboard.html#history"

/** Whether the page was opened for it. */
export function isForHistory(hash: string): boolean {
  return hash === "#history"
}

/** The session that the address says; null for the dashboard itself. */
export function handOffOf(hash: string): SessionName | null {
  const [page, query = ""] = hash.replace(/^#/, "").split("?", 2)
  const [site, account] = ["site", "account"].map((name) => new URLSearchParams(query).get(name) ?? "")
  if (page !== "hand-off" || site === undefined || site === "" || account === undefined || account === "") return null
  return site.length > 255 || account.length > 200 ? null : { site, account }
}

/** As `handOffOf`, for as long as the page is open. */
export function useHandOffRoute(): SessionName | null {
  const [session, setSession] = useState(() => handOffOf(location.hash))
  useEffect(() => {
    const look = () => setSession(handOffOf(location.hash))
    addEventListener("hashchange", look)
    return () => removeEventListener("hashchange", look)
  }, [])
  return session
}
