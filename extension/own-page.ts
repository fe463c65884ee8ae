import { browser } from "wxt/browser"

/** What browsers tell of who sent a message or opened a port; what is missing is not known there. */
export interface Sender {
  id?: string | undefined
  url?: string | undefined
  /** Of the document: that of a sandboxed page is `null`, whatever its address. */
  origin?: string | undefined
  /** 0 for what is not inside of another page. */
  frameId?: number | undefined
  documentId?: string | undefined
}

/** A page of this extension that stands for itself: nothing of ours may be framed, so what comes out of a frame is somebody else's doing. */
export function isOwnPage({ id, url, origin = location.origin, frameId = 0 }: Sender): boolean {
  const isOurs = id === browser.runtime.id && url?.startsWith(`${location.origin}/`) === true
  return isOurs && origin === location.origin && frameId === 0
}
