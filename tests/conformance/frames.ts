import type { Host } from "./server.js"
import { callOf, page, type Route } from "./route.js"

/**
 * The path of a page that embeds `path` through these hosts, the outermost first; every frame is https. `window.filled`
 * and `window.seen` of the top page wait for the innermost one.
 */
export function framed(hosts: readonly Host[], path: string): string {
  return hosts.reduceRight((inner, host) => `/frame?host=${host}&path=${encodeURIComponent(inner)}`, path)
}

export const frameRoutes: Record<string, Route> = {
  "/frame": ({ url, origin }) => {
    const host = url.searchParams.get("host") ?? "app.conf.test"
    const path = url.searchParams.get("path") ?? "/empty"
    return page("Embeds a frame", callOf(embed, origin(host) + path))
  },
}

/** Page function: one frame, and its answers as this page's own. A page that is a frame itself passes them on. */
function embed(url: string): void {
  const frame = document.createElement("iframe")
  for (const name of ["filled", "seen"]) {
    const answer = new Promise((resolve) => {
      addEventListener("message", ({ source, data }: MessageEvent<unknown>) => {
        if (source !== frame.contentWindow || typeof data !== "object" || data === null || !(name in data)) return
        resolve(Reflect.get(data, name))
        if (parent !== window) parent.postMessage(data, "*")
      })
    })
    Reflect.set(window, name, answer)
  }
  frame.src = url
  document.body.append(frame)
}
