import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** A small site under `*.example.test` whose pages fill every storage that a capture is to read. */
export interface CaptureSite {
  url(host: string, path?: string): string
  close(): Promise<void>
}

const pages: Record<string, (response: ServerResponse) => string> = {
  "/": (response) => {
    response.setHeader("set-cookie", [
      "sid=canary-sid; Path=/; HttpOnly",
      "wide=canary-wide; Path=/; Domain=example.test; SameSite=Lax; Max-Age=86400",
      "deep=canary-deep; Path=/account; SameSite=Strict",
    ])
    return page(`
      localStorage.setItem("token", "canary-token-" + location.hostname)
      localStorage.setItem("length", "canary-length")
      localStorage.setItem("surrogate \\ud800", "\\udfff")
      localStorage.setItem("empty", "")
      sessionStorage.setItem("tab", "canary-tab-" + location.search)
    `)
  },
  "/frames": () =>
    page(`
      sessionStorage.setItem("tab", "canary-tab")
      localStorage.setItem("token", "canary-token")
      for (const src of ["/frame?1", "/frame?2", "/frame?3"]) document.body.append(Object.assign(document.createElement("iframe"), { src }))
    `),
  "/frame": () => page(`sessionStorage.setItem("frame", "canary-frame")`),
  "/leaning": () => page(`localStorage.setItem("oidc.user:http://login.other.test/:app", "canary-tokens")`),
  "/hostile": () =>
    page(`
      localStorage.setItem("token", "canary-token")
      sessionStorage.setItem("tab", "canary-tab")
      const liar = () => { throw new Error("replaced") }
      JSON.stringify = () => "lies"
      Storage.prototype.key = Storage.prototype.getItem = liar
      Object.defineProperty(Storage.prototype, "length", { get: () => 0 })
      Array.from = Object.keys = Object.entries = Map.prototype.get = String.prototype.replace = liar
      Object.prototype.toJSON = () => "lies"
      navigator.__defineGetter__("userAgent", () => "lies")
    `),
  "/database": () =>
    page(`
      const asked = indexedDB.open("app", 3)
      asked.onupgradeneeded = () => {
        const things = asked.result.createObjectStore("things", { autoIncrement: true })
        things.add(new Map([["when", new Date(0)]]))
        things.add({ bytes: new Uint8Array([1, 2]) })
      }
      asked.onsuccess = () => { document.title = "ready" }
      const addOne = () => new Promise((resolve) => {
        const things = asked.result.transaction("things", "readwrite").objectStore("things")
        things.add("more").onsuccess = ({ target }) => resolve(target.result)
      })
    `),
}

export async function startCaptureSite(): Promise<CaptureSite> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site.test")
    if (pathname === "/document.pdf") {
      response.setHeader("content-type", "application/pdf")
      return response.end(
        "%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>",
      )
    }
    response.setHeader("content-type", "text/html; charset=utf-8")
    return response.end((pages[pathname] ?? (() => page("")))(response))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: (host, path = "/") => `http://${host}:${port}${path}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

function page(script: string): string {
  return `<!doctype html><title>A site</title><h1>A site</h1><script>${script}</script>`
}
