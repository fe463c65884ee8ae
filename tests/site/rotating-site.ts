import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"

/**
 * A site with refresh tokens that may be used once: each visit to `/` trades the token in localStorage and the HttpOnly cookie for
 * new ones. Whoever shows an old one again is taken for a thief, and the whole family of tokens is revoked (RFC 9700 §4.14.2).
 *
 * - `/` greets by name, or asks "Who is there?"; `/set?c=<Set-Cookie>` sets a cookie
 */
export async function startRotatingSite({ hostname = "app.fern.test" } = {}): Promise<RotatingSite> {
  const families = new Map<string, Family>()
  const begin = (name: string) => {
    const family = { name, token: randomUUID(), sid: randomUUID(), rotations: 0 }
    families.set(family.token.slice(0, 8), family)
    return family
  }
  const refresh = ({ headers }: IncomingMessage, response: ServerResponse) => {
    const token = String(headers["x-token"] ?? "")
    const id = token.slice(0, 8)
    const family = families.get(id)
    const sid = /(?:^|; )sid=([^;]*)/.exec(headers.cookie ?? "")?.[1]
    if (family?.token !== token || family.sid !== sid) {
      families.delete(id)
      json(response, 401, {})
      return
    }
    family.token = id + randomUUID()
    family.sid = randomUUID()
    family.rotations++
    response.setHeader("set-cookie", `sid=${family.sid}; Path=/; HttpOnly; SameSite=Lax`)
    json(response, 200, { name: family.name, token: family.token })
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://site.invalid")
    response.setHeader("cache-control", "no-store")
    if (url.pathname === "/refresh") refresh(request, response)
    else if (url.pathname === "/login") {
      const family = begin(url.searchParams.get("name") ?? "")
      response.setHeader("set-cookie", `sid=${family.sid}; Path=/; HttpOnly; SameSite=Lax`)
      html(response, `<script>localStorage.setItem("token", "${family.token}"); location.replace("/")</script>`)
    } else {
      if (url.pathname === "/set") response.setHeader("set-cookie", url.searchParams.getAll("c"))
      html(response, url.pathname === "/" ? homePage : "")
    }
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    origin: `http://${hostname}:${port}`,
    tokens: () => [...families.values()].map(({ token }) => token),
    rotations: () => [...families.values()].reduce((sum, { rotations }) => sum + rotations, 0),
    revokeAll: () => families.clear(),
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((closed) => server.close(() => closed()))
    },
  }
}

export interface RotatingSite {
  origin: string
  /** The newest token of each family that is not revoked. */
  tokens(): string[]
  rotations(): number
  revokeAll(): void
  close(): Promise<void>
}

interface Family {
  name: string
  token: string
  sid: string
  rotations: number
}

const homePage = `<h1></h1><script>
fetch("/refresh", { headers: { "x-token": localStorage.getItem("token") ?? "" } }).then(async (answer) => {
  const { name, token } = await answer.json()
  if (answer.ok) localStorage.setItem("token", token)
  document.querySelector("h1").textContent = answer.ok ? "Good to see you, " + name : "Who is there?"
})</script>`

function html(response: ServerResponse, body: string): void {
  response.setHeader("content-type", "text/html; charset=utf-8")
  response.end(`<!doctype html><link rel="icon" href="data:,"><title>Rotating</title>${body}`)
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.statusCode = status
  response.setHeader("content-type", "application/json")
  response.end(JSON.stringify(value))
}
