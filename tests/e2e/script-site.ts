import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A site under `*.test` whose pages do nothing but run a script; `document.title` tells how far it is. */
export interface ScriptSite {
  url(host: string, path: string): string
  origin(host: string): string
  close(): Promise<void>
}

export interface ScriptPage {
  /** Markup of the body, before the script. */
  body?: string
  script: string
  /** Headers of the answer. */
  headers?: Record<string, string>
}

/** @param pages by path; any other path is a page without a script */
export async function startScriptSite(pages: Record<string, ScriptPage>): Promise<ScriptSite> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site.test")
    const { body = "", script, headers = {} } = pages[pathname] ?? { script: "" }
    response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...headers })
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>A page</title>${body}<script>${script}</script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const origin = (host: string) => `http://${host}:${port}`
  return {
    url: (host, path) => `${origin(host)}${path}`,
    origin,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** For the scripts of pages: `open(name, upgrade, version)` gives the open database, `done(transaction)` waits for its end. */
export const databaseScript = `
  const open = (name, upgrade, version = 1) => new Promise((resolve, reject) => {
    const asked = indexedDB.open(name, version)
    asked.onupgradeneeded = () => upgrade(asked.result, asked.transaction)
    asked.onsuccess = () => resolve(asked.result)
    asked.onerror = () => reject(asked.error)
  })
  const done = (transaction) => new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = () => reject(transaction.error)
  });
`
