import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/**
 * A site with one-time refresh tokens (RFC 9700 §4.14.2): each `/refresh` takes the token in the cookie and gives the next one;
 * a token that comes a second time ends the login for everybody who has one of it.
 */
export interface RotatingSite {
  url(path: string): string
  /** As a bot without a browser does it. @returns the next token, or null when the login has ended */
  refresh(token: string): Promise<string | null>
  close(): Promise<void>
}

export async function startRotatingSite(host = "app.rotating.test"): Promise<RotatingSite> {
  /** The token that counts now, by login. */
  const current = new Map<string, string>()
  const loginOf = (token: string) => token.split(".")[0] ?? ""
  const rotate = (token: string): string | null => {
    const login = loginOf(token)
    if (current.get(login) !== token) {
      current.delete(login)
      return null
    }
    const next = `${login}.${randomUUID()}`
    current.set(login, next)
    return next
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site.test")
    const token = /(?:^|; )refresh=([^;]+)/.exec(request.headers.cookie ?? "")?.[1] ?? ""
    const setToken = (value: string | null) =>
      response.setHeader(
        "set-cookie",
        `refresh=${value ?? ""}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${value === null ? 0 : 3600}`,
      )
    let isIn = current.get(loginOf(token)) === token && token !== ""
    if (pathname === "/login") {
      const login = randomUUID()
      current.set(login, `${login}.0`)
      setToken(`${login}.0`)
      isIn = true
    } else if (pathname === "/refresh") {
      const next = rotate(token)
      setToken(next)
      isIn = next !== null
    } else if (pathname === "/logout") {
      current.delete(loginOf(token))
      setToken(null)
      isIn = false
    }
    response.setHeader("content-type", "text/html")
    const state = isIn ? "Logged in" : "Logged out"
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>${state}</title><h1>${state}</h1>`)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: (path) => `http://${host}:${port}${path}`,
    refresh: (token) => Promise.resolve(rotate(token)),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
