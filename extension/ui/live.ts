import { useEffect, useState } from "preact/hooks"
import { browser, type Browser } from "wxt/browser"
import type { InUse } from "../in-use.js"
import { livePort } from "../live-port.js"

/** A background that was stopped is started by the next connection (ms). */
const again = 1_000

/**
 * Tells the background for as long as this page is on the screen that somebody looks: it then watches the store. Null until it has
 * told who uses which session; it does so only while something is kept in sync.
 */
export function useLive(): InUse[] | null {
  const [inUse, setInUse] = useState<InUse[] | null>(null)
  useEffect(() => {
    let port: Browser.runtime.Port | null = null
    let timer: ReturnType<typeof setTimeout> | undefined
    const settle = () => {
      clearTimeout(timer)
      if (document.visibilityState === "visible") {
        port ??= open()
        return
      }
      port?.disconnect()
      port = null
    }
    const open = () => {
      const opened = browser.runtime.connect({ name: livePort })
      opened.onMessage.addListener((message: InUse[]) => setInUse(message))
      opened.onDisconnect.addListener(() => {
        port = null
        timer = setTimeout(settle, again)
      })
      return opened
    }
    settle()
    document.addEventListener("visibilitychange", settle)
    return () => {
      document.removeEventListener("visibilitychange", settle)
      clearTimeout(timer)
      port?.disconnect()
    }
  }, [])
  return inUse
}
