import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createHttpsServer } from "node:https"
import type { AddressInfo, Server } from "node:net"
import { makeCertificate } from "./certificate.js"
import { fillRoutes } from "./fill.js"
import { frameRoutes } from "./frames.js"
import type { Reply, Route, Visit } from "./route.js"
import { seeRoutes } from "./see.js"

/** One site with three origins, top-level sites that embed it, and an identity provider. */
export const hosts = [
  "www.conf.test",
  "app.conf.test",
  "api.conf.test",
  "shop.top.test",
  "top.test",
  "login.idp.test",
] as const
export type Host = (typeof hosts)[number]

/**
 * For every Chromium that visits, beside the `chromiumArgs` of the tests. Service workers want the certificate accepted by
 * the whole browser. Playwright turns storage partitioning off (`ThirdPartyStoragePartitioning`), which no person's browser
 * has: its list is void as soon as there is another, because the last one counts.
 */
export const chromiumSiteArgs = ["--ignore-certificate-errors", "--disable-features=Translate"]

/** What Firefox needs to find the hosts, and to keep the cookies of third parties apart as a person's does. */
export const firefoxPrefs = {
  "network.dns.localDomains": hosts.join(","),
  "network.cookie.cookieBehavior": 5,
}

export interface Received {
  method: string
  /** Path and query. */
  url: string
  host: string
  secure: boolean
  /** The Cookie header, read as UTF-8; "" when there was none. */
  cookie: string
  /** `document`, `iframe`, `empty` (fetch) …, where the browser says so: over http it does not. */
  frameKind?: string
  userAgent: string
  languages: string
  /** Ms since epoch. */
  at: number
}

export interface ConformanceSite {
  url(host: Host, path: string, options?: { secure?: boolean }): string
  origin(host: Host, options?: { secure?: boolean }): string
  /** The certificate is nobody's: start browsers so that they accept it. */
  certificateErrorsAreExpected: true
  /** Every request so far, the oldest first; of one host, or of all. */
  received(host?: Host): Received[]
  clear(): void
  close(): Promise<void>
}

const routes: Record<string, Route> = { ...fillRoutes, ...frameRoutes, ...seeRoutes }

/** Serves all hosts over http and https, on two ports of 127.0.0.1: origins differ by them, cookies do not. */
export async function startConformanceSite(): Promise<ConformanceSite> {
  let log: Received[] = []
  const answer = (secure: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    const visit = visitOf(request, secure, origin)
    log.push(receivedOf(request, visit))
    const route = visit.url.pathname.endsWith("/echo") ? routes["/echo"] : routes[visit.url.pathname]
    send(response, route?.(visit) ?? { status: 404, body: "Nothing here" })
  }
  const plain = createHttpServer(answer(false))
  const secured = createHttpsServer(await makeCertificate(hosts), answer(true))
  const ports = { plain: await listen(plain), secured: await listen(secured) }
  function origin(host: string, { secure = true }: { secure?: boolean } = {}): string {
    return secure ? `https://${host}:${ports.secured}` : `http://${host}:${ports.plain}`
  }

  return {
    url: (host, path, options) => origin(host, options) + path,
    origin,
    certificateErrorsAreExpected: true,
    received: (host) => log.filter((one) => host === undefined || one.host === host),
    clear: () => {
      log = []
    },
    close: async () => {
      for (const server of [plain, secured]) server.closeAllConnections()
      await Promise.all([plain, secured].map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A server that listens on TCP has an address with a port.
  return (server.address() as AddressInfo).port
}

function visitOf(request: IncomingMessage, secure: boolean, origin: Visit["origin"]): Visit {
  const host = (request.headers.host ?? "").replace(/:\d+$/, "")
  const cookie = Buffer.from(request.headers.cookie ?? "", "latin1").toString("utf8")
  return { url: new URL(request.url ?? "/", origin(host, { secure })), host, secure, cookie, origin }
}

function receivedOf({ method, headers }: IncomingMessage, { url, host, secure, cookie }: Visit): Received {
  const frameKind = headers["sec-fetch-dest"]
  return {
    method: method ?? "",
    url: url.pathname + url.search,
    host,
    secure,
    cookie,
    ...(typeof frameKind === "string" ? { frameKind } : {}),
    userAgent: headers["user-agent"] ?? "",
    languages: headers["accept-language"] ?? "",
    at: Date.now(),
  }
}

function send(response: ServerResponse, { status = 200, headers = {}, cookies = [], type, body }: Reply): void {
  // Node writes headers as Latin-1: this way the bytes on the wire are UTF-8.
  const lines = cookies.map((cookie) => Buffer.from(cookie, "utf8").toString("latin1"))
  response.writeHead(status, {
    "content-type": `${type ?? "text/html"}; charset=utf-8`,
    "cache-control": "no-store",
    ...headers,
    ...(lines.length > 0 ? { "set-cookie": lines } : {}),
  })
  response.end(body)
}
