import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { framedPage, homePage, loginPage, probePage, serviceWorker, serviceWorkerPage } from "./pages.js"

/**
 * A small site to log in at, used by the tests and by `npm start`. One needs all three to be greeted by name: the HttpOnly
 * cookie `sid`, the localStorage key `token` and the sessionStorage key `tab`.
 *
 * It listens on 127.0.0.1 and answers to every hostname: Chromium resolves `*.localhost` to loopback by itself, and
 * `--host-resolver-rules=MAP *.a.test 127.0.0.1` brings registrable domains.
 *
 * - `/` greets, or says what is missing; `/login` has the form (any name, any password)
 * - `/tell` tells the page around it what its localStorage holds
 * - `/probe` shows what its very first script found in both storages; `/blank` does nothing at all
 * - `/framed?src=` has another page in a frame
 * - `/set?c=<Set-Cookie>&c=…` sets cookies as told, `/echo` answers with the request it got, as JSON
 * - `/worker` installs a service worker that answers every navigation by itself
 */
export async function startSite({ hostname = "app.localhost" } = {}): Promise<Site> {
  const logins = new Map<string, Login>()
  const requests: SiteRequest[] = []
  const server = createServer((request, response) => {
    requests.push({
      method: request.method ?? "",
      host: request.headers.host ?? "",
      path: request.url ?? "",
      cookie: request.headers.cookie ?? "",
      headers: request.headers,
    })
    answer(request, response, logins).catch(() => response.destroy())
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    origin: `http://${hostname}:${port}`,
    port,
    requests,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((closed) => server.close(() => closed()))
    },
  }
}

export interface Site {
  /** `http://app.localhost:<port>` */
  origin: string
  port: number
  /** Every request that reached the site, oldest first. */
  requests: SiteRequest[]
  close(): Promise<void>
}

export interface SiteRequest {
  method: string
  host: string
  path: string
  /** The Cookie header, `""` without one. */
  cookie: string
  headers: IncomingMessage["headers"]
}

interface Login {
  name: string
  token: string
  tab: string
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  logins: Map<string, Login>,
): Promise<unknown> {
  const url = new URL(request.url ?? "/", "http://site.invalid")
  const sid = cookieOf(request, "sid")
  switch (`${request.method ?? ""} ${url.pathname}`) {
    case "GET /":
      return html(response, homePage())
    case "GET /login":
      return html(response, loginPage())
    case "POST /login": {
      const { name } = JSON.parse(await bodyOf(request)) as { name: string }
      const login = { name, token: randomUUID(), tab: randomUUID() }
      const id = randomUUID()
      logins.set(id, login)
      response.setHeader("set-cookie", `sid=${id}; Path=/; HttpOnly; SameSite=Lax`)
      return json(response, 200, { token: login.token, tab: login.tab })
    }
    case "POST /logout":
      logins.delete(sid ?? "")
      response.setHeader("set-cookie", "sid=; Path=/; Max-Age=0")
      return json(response, 200, {})
    case "GET /me": {
      const login = logins.get(sid ?? "")
      const missing = [
        ...(login === undefined ? ["cookie"] : []),
        ...(login === undefined || request.headers["x-token"] !== login.token ? ["token"] : []),
        ...(login === undefined || request.headers["x-tab"] !== login.tab ? ["tab"] : []),
      ]
      return missing.length > 0 ? json(response, 401, { missing }) : json(response, 200, { name: login?.name })
    }
    case "GET /probe":
      return html(response, probePage())
    case "GET /tell":
      return html(response, "<script>parent.postMessage(Object.entries(localStorage), '*')</script>")
    case "GET /blank":
      return html(response, "<!doctype html><title>Blank</title><link rel=icon href=data:,>")
    case "GET /framed":
      return html(response, framedPage(url.searchParams.get("src") ?? ""))
    case "GET /worker":
      return html(response, serviceWorkerPage())
    case "GET /worker.js":
      response.setHeader("content-type", "text/javascript")
      return response.end(serviceWorker())
    case "GET /set":
      response.setHeader("set-cookie", url.searchParams.getAll("c"))
      return html(response, "<!doctype html><title>Set</title><link rel=icon href=data:,>")
    case "GET /echo":
      return json(response, 200, { host: request.headers.host, path: request.url, headers: request.headers })
    default:
      response.statusCode = 404
      return html(response, "<!doctype html><title>Not found</title>Not found")
  }
}

function html(response: ServerResponse, text: string): ServerResponse {
  response.setHeader("content-type", "text/html; charset=utf-8")
  response.setHeader("cache-control", "no-store")
  return response.end(text)
}

function json(response: ServerResponse, status: number, value: unknown): ServerResponse {
  response.statusCode = status
  response.setHeader("content-type", "application/json")
  response.setHeader("cache-control", "no-store")
  return response.end(JSON.stringify(value))
}

function cookieOf(request: IncomingMessage, name: string): string | null {
  const pairs = (request.headers.cookie ?? "").split("; ").map((pair) => pair.split("="))
  return pairs.find(([key]) => key === name)?.[1] ?? null
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString("utf8")
}
