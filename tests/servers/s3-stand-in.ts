import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { buffer } from "node:stream/consumers"

/** What goes wrong with one request. */
export type S3Fault =
  | { kind: "answer"; status: number; code?: string; headers?: Record<string, string>; body?: string }
  /** Takes the request and never answers. */
  | { kind: "silence" }
  /** Does what was asked, and the connection ends before the answer. */
  | { kind: "lost-answer" }
  /** As much of the body (per cent); then silence, or the end of the connection. */
  | { kind: "stall" | "cut"; percent: number }
  /** A body that is shorter and says so. */
  | { kind: "short"; percent: number }
  /** One byte of the body is another; the checksum stays. */
  | { kind: "flip" }
  | { kind: "wrong-checksum" }
  /** Says that the body is this long (bytes). */
  | { kind: "length"; length: number }

export interface S3StandIn {
  endpoint: string
  objects: Map<string, StoredBody>
  /** Each request that came: method and key. */
  requests: { method: string; key: string; headers: IncomingMessage["headers"] }[]
  /** What goes wrong with the next requests, one each; after them all is well. */
  faults: (S3Fault | null)[]
  /** How it treats `If-None-Match: *`; the default is to keep to it. */
  condition: "keeps" | "ignores" | "refuses"
  dispose: () => Promise<void>
}

interface StoredBody {
  body: Buffer
  checksum: string | undefined
}

/**
 * Stands in for an S3 server where a real one cannot be made to fail on demand: it keeps objects in memory, gives their
 * checksum back, checks no signature, and does wrong what it is told to. What S3 itself does is proved over a real one.
 */
export async function startS3StandIn(): Promise<S3StandIn> {
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()))
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const standIn: S3StandIn = {
    endpoint: `http://127.0.0.1:${port}`,
    objects: new Map(),
    requests: [],
    faults: [],
    condition: "keeps",
    dispose: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request
    const { pathname, searchParams } = new URL(url, standIn.endpoint)
    const key = decodeURIComponent(pathname.split("/").slice(2).join("/"))
    standIn.requests.push({ method, key, headers })
    const fault = standIn.faults.shift() ?? null
    const body = await buffer(request)
    if (fault?.kind === "silence") return
    if (fault?.kind === "answer") {
      const xml = fault.code === undefined ? "" : `<Error><Code>${fault.code}</Code><Message>canary</Message></Error>`
      response.writeHead(fault.status, { "content-type": "application/xml", ...fault.headers })
      response.end(fault.body ?? xml)
      return
    }
    if (fault?.kind === "lost-answer") response.end = () => response.destroy()
    if (method === "PUT") put(key, body, headers, response)
    else if (method === "DELETE") remove(key, response)
    else if (key === "") list(searchParams, response)
    else get(key, fault, response)
  }

  function put(key: string, body: Buffer, headers: IncomingMessage["headers"], response: ServerResponse): void {
    const isConditional = headers["if-none-match"] === "*"
    if (isConditional && standIn.condition === "refuses") refuse(response, 501, "NotImplemented")
    else if (isConditional && standIn.condition === "keeps" && standIn.objects.has(key)) {
      refuse(response, 412, "PreconditionFailed")
    } else {
      const checksum = headers["x-amz-checksum-crc32"]
      standIn.objects.set(key, { body, checksum: typeof checksum === "string" ? checksum : undefined })
      response.writeHead(200, { etag: '"0"' }).end()
    }
  }

  function get(key: string, fault: S3Fault | null, response: ServerResponse): void {
    const stored = standIn.objects.get(key)
    if (stored === undefined) {
      refuse(response, 404, "NoSuchKey")
      return
    }
    const given = bodyWith(fault, stored.body)
    const checksum = fault?.kind === "wrong-checksum" ? "AAAAAA==" : stored.checksum
    const length = fault?.kind === "length" ? fault.length : fault?.kind === "short" ? given.length : stored.body.length
    response.writeHead(200, {
      "content-length": length,
      etag: '"0"',
      ...(checksum === undefined ? {} : { "x-amz-checksum-crc32": checksum }),
    })
    if (given.length === length) response.end(given)
    // Sent before the connection ends: what was written is flushed first.
    else response.write(given.length === 0 ? "" : given, () => fault?.kind === "cut" && response.destroy())
    response.flushHeaders()
    if (given.length === 0 && fault?.kind === "cut") response.destroy()
  }

  function remove(key: string, response: ServerResponse): void {
    standIn.objects.delete(key)
    response.writeHead(204).end()
  }

  function list(query: URLSearchParams, response: ServerResponse): void {
    const names = [...standIn.objects.keys()].filter((key) => key.startsWith(query.get("prefix") ?? "")).sort()
    const contents = names.map((key) => {
      const size = standIn.objects.get(key)?.body.length ?? 0
      return `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`
    })
    response.writeHead(200, { "content-type": "application/xml" })
    response.end(
      `<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`,
    )
  }

  return standIn
}

function bodyWith(fault: S3Fault | null, body: Buffer): Buffer {
  if (fault?.kind === "flip") {
    const other = Buffer.from(body)
    other[body.length >> 1] = (other[body.length >> 1] ?? 0) ^ 1
    return other
  }
  if (fault?.kind === "stall" || fault?.kind === "cut" || fault?.kind === "short") {
    return body.subarray(0, Math.floor((body.length * fault.percent) / 100))
  }
  return body
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { "content-type": "application/xml" })
  response.end(`<Error><Code>${code}</Code><Message>refused</Message></Error>`)
}
