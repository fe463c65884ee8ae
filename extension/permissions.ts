import { browser } from "wxt/browser"
import { permissionPatterns } from "../shared/site.js"

/**
 * Asks for a site and those its login leans on, in one question. Must be called as the first thing in a click handler: in Firefox one `await` before it loses the
 * gesture, so this function does not wait for anything itself.
 */
export function requestSites(sites: string[]): Promise<boolean> {
  return browser.permissions.request({ origins: sites.flatMap(permissionPatterns) })
}

export function maySites(sites: string[]): Promise<boolean> {
  return browser.permissions.contains({ origins: sites.flatMap(permissionPatterns) })
}

export function maySite(site: string): Promise<boolean> {
  return browser.permissions.contains({ origins: permissionPatterns(site) })
}

/** Match patterns that were granted, as the browser writes them. */
export async function grantedOrigins(): Promise<string[]> {
  return ((await browser.permissions.getAll()).origins ?? []).sort()
}

export function takeBack(origin: string): Promise<boolean> {
  return browser.permissions.remove({ origins: [origin] })
}

const notify = { permissions: ["notifications" as const] }

/** Asks to be allowed to tell. First thing in a click handler, as `requestSites`. */
export function requestNotify(): Promise<boolean> {
  return browser.permissions.request(notify)
}

export function mayNotify(): Promise<boolean> {
  return browser.permissions.contains(notify)
}

export function giveBackNotify(): Promise<boolean> {
  return browser.permissions.remove(notify)
}
