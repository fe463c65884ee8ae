import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"
import type { KvNamespace } from "../../shared/providers/cloudflare-kv.js"

/** What the server does instead of answering: says no, cuts the body in its middle or stops there, hangs up, or never answers. */
export type KvFault =
  | { status: number; code?: number; retryAfter?: string; page?: string }
  | "cut"
  | "stop in the middle"
  | "hang up"
  | "stall"

export interface KvRest {
  account: string
  namespace: string
  token: string
  endpoint: string
  /** As they came: "GET values/a%2Fb?x=1". */
  requests: string[]
  /** For the next requests, one each, when `after` requests were answered; only for those with `of` in their line. */
  fail(faults: KvFault[], options?: { after?: number; of?: string }): void
  stop(): Promise<void>
}

/**
 * Not Cloudflare: a small server of our own with the paths, answers and error numbers of its API
 * (https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/), over a real KV namespace in workerd.
 */
export async function startKvRest(kv: KvNamespace): Promise<KvRest> {
  const ids = { account: "0123456789abcdef0123456789abcdef", namespace: "fedcba9876543210fedcba9876543210" }
  const token = "canary-token-Zq81"
  const requests: string[] = []
  const faults: { fault: KvFault | null; of: string }[] = []

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1")
    if (request.headers.authorization !== `Bearer ${token}`) return refusal(403, 10000)
    const [, account, namespace, what = "", key = ""] =
      /^\/client\/v4\/accounts\/([^/]+)\/storage\/kv\/namespaces\/([^/]+)\/(keys|values)(?:\/([^/]+))?$/.exec(
        url.pathname,
      ) ?? []
    if (account !== ids.account) return refusal(404, 7003)
    if (namespace !== ids.namespace) return refusal(404, 10013)
    const line = `${request.method} ${what}${key && `/${key}`}${url.search}`
    requests.push(line)
    const next = faults.findIndex(({ of }) => line.includes(of))
    const fault = next < 0 ? null : (faults.splice(next, 1)[0]?.fault ?? null)
    const body = await buffer(request)
    if (fault !== null && typeof fault === "object") return faulty(fault)
    const good = await (what === "keys"
      ? listKeys(url.searchParams)
      : value(request, decodeURIComponent(key), url.searchParams, body))
    return { ...good, fault }
  }

  async function listKeys(query: URLSearchParams): Promise<Answer> {
    const cursor = query.get("cursor")
    const page = await kv.list({ prefix: query.get("prefix") ?? "", ...(cursor !== null && { cursor }) })
    const info = { count: page.keys.length, cursor: page.list_complete ? "" : (page.cursor ?? "") }
    return success({ result: page.keys, result_info: info })
  }

  async function value(
    request: IncomingMessage,
    key: string,
    query: URLSearchParams,
    body: Buffer<ArrayBuffer>,
  ): Promise<Answer> {
    switch (request.method) {
      case "GET": {
        const bytes = await kv.get(key, "arrayBuffer")
        if (bytes === null) return refusal(404, 10009)
        return { status: 200, type: "application/octet-stream", body: Buffer.from(bytes) }
      }
      case "PUT": {
        const type = request.headers["content-type"] ?? ""
        const form = await new Response(body, { headers: { "content-type": type } }).formData()
        const [bytes, metadata] = [form.get("value"), form.get("metadata")]
        if (!(bytes instanceof Blob) || typeof metadata !== "string") return refusal(400, 10012)
        const life = query.get("expiration_ttl")
        await kv.put(key, new Uint8Array(await bytes.arrayBuffer()), {
          metadata: JSON.parse(metadata) as unknown,
          ...(life !== null && { expirationTtl: Number(life) }),
        })
        return success({ result: null })
      }
      case "DELETE":
        await kv.delete(key)
        return success({ result: null })
      default:
        return refusal(405, 10405)
    }
  }

  const server = createServer((request, response) => {
    answer(request)
      .catch((error: unknown) => {
        const [, status] = /failed: (\d{3})/.exec(String(error)) ?? []
        return refusal(Number(status ?? 500), 10001)
      })
      .then((given) => send(response, given))
      .catch(() => response.destroy())
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo

  return {
    ...ids,
    token,
    endpoint: `http://127.0.0.1:${port}/client/v4`,
    requests,
    fail: (given, { after = 0, of = "" } = {}) => {
      for (const fault of [...Array.from({ length: after }, () => null), ...given]) faults.push({ fault, of })
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}

interface Answer {
  status: number
  type: string
  body: Buffer
  headers?: Record<string, string>
  fault?: KvFault | null
}

function send(response: ServerResponse, { status, type, body, headers, fault }: Answer): void {
  if (fault === "stall") return
  if (fault === "hang up") {
    response.destroy()
    return
  }
  response.writeHead(status, { "content-type": type, "content-length": body.length, ...headers })
  if (fault === "cut" || fault === "stop in the middle") {
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => fault === "cut" && response.destroy())
    return
  }
  response.end(body)
}

function faulty({ status, code, retryAfter, page }: Exclude<KvFault, string>): Answer {
  const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter }
  if (page !== undefined) return { status, type: "text/html", body: Buffer.from(page), headers }
  return { ...refusal(status, code ?? 1000), headers }
}

function success(rest: object): Answer {
  return json(200, { success: true, errors: [], messages: [], ...rest })
}

function refusal(status: number, code: number): Answer {
  return json(status, { success: false, errors: [{ code, message: "no" }], messages: [], result: null })
}

function json(status: number, value: object): Answer {
  return { status, type: "application/json", body: Buffer.from(JSON.stringify(value)) }
}
