import { asBufferSource, equalBytes, hex, utf8ToText } from "../bytes.js"
import { sha256 } from "../hash.js"
import { isPspError, PspError } from "../errors.js"
import { notCreateOnly } from "../not-create-only.js"
import { isObjectName, isObjectPrefix, type CallOptions, type Provider, type StoreWarning } from "../provider.js"
import { createOwnWrites } from "./own-writes.js"
import { withRetries } from "./retry.js"
import { createStallTimer, readMoving } from "./stall.js"

/**
 * Cloudflare Workers KV as a store, through one of two doors: a Worker's own binding, or the REST API from anywhere.
 *
 * KV is eventually consistent: a write reaches everybody within about a minute, and that a key is *not* there is
 * remembered as well (https://developers.cloudflare.com/kv/concepts/how-kv-works/). So
 *
 * - what this provider put or removed itself in the last 90 seconds is added to what the store says: `get`, `list` see
 *   an own write at once, and never take the store's stale "not there" for "gone";
 * - an object whose name ends in the digest of its bytes, as the vault's do, is put without a look before: the look
 *   would make the store remember that it is missing, and there are no other bytes to find;
 * - under any other name `put` looks, compares, then writes. KV has no create-if-absent: two that create such a name
 *   within the same minute may both succeed, and the last one stays. **Not guaranteed here**: "never replaces" for names
 *   without a digest; that others' writes and removals are seen within a minute;
 * - one key takes one write per second: own puts of one name wait for each other, and a refusal is tried again.
 *
 * Values have at most 25 MiB (`maxObjectBytes`; larger: `too-large`). Keys carry `{ size, at }` as metadata, so that
 * `list` knows sizes without reading values; a key without it (put by another tool) is read for its size.
 *
 * Beside the errors of every provider: `bad-config` for an account or namespace that is not there, `bad-message` for
 * what is no object name, `too-large`.
 */
export interface KvProvider extends Provider {
  put(name: string, bytes: Uint8Array, options?: KvPutOptions): Promise<void>
  /** Bytes. */
  readonly maxObjectBytes: number
}

export interface KvPutOptions extends CallOptions {
  /** A hint (ms since epoch): nobody needs the object a while after this. KV drops it a week later. */
  expiresAt?: number
}

/** What is used of a Worker's `KVNamespace`. */
export interface KvNamespace {
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>
  put(key: string, value: Uint8Array, options: { metadata: unknown; expirationTtl?: number }): Promise<void>
  list(options: { prefix: string; cursor?: string }): Promise<KvPage>
  delete(key: string): Promise<void>
}

interface KvPage {
  keys: { name: string; expiration?: number; metadata?: unknown }[]
  list_complete: boolean
  cursor?: string
}

/**
 * The store behind a Worker's binding: `createKvProvider({ namespace: env.SESSIONS })`. Make one for each request: a
 * Worker may not wait in one request for what another began.
 */
export function createKvProvider({ namespace }: { namespace: KvNamespace }): KvProvider {
  return createProvider(bindingDoor(namespace))
}

export interface KvRestOptions {
  /** Account id, 32 hex digits at Cloudflare. */
  account: string
  /** Namespace id (not its title). */
  namespace: string
  /** An API token that may do "Workers KV Storage: Edit". It is in no error and no log. */
  token: string
  /** Of the API; `https:`, or `http:` on this machine. */
  endpoint?: string
  fetch?: typeof fetch
  /** How long one try may stand still (ms): it is given up then, and made again. */
  patience?: number
}

/** @throws `bad-config` for ids, a token or an endpoint that cannot be right */
export function createKvRestProvider(options: KvRestOptions): KvProvider {
  return createProvider(restDoor(options))
}

const largestValue = 25 * 1024 * 1024
/** Of the REST API's JSON (bytes): a page of a list has 1000 keys of at most 512 bytes, with metadata of at most 1024. */
const largestAnswer = 8 * 1024 * 1024
/** Of an answer that says no (bytes). */
const largestRefusal = 64 * 1024
/** "Up to 60 seconds or more" (ms). */
const settlesAfter = 90_000
/** Of own writes, in memory, of which a Worker has 128 MB. */
const keepBytes = 8 * 1024 * 1024
/** One key takes one write in this time (ms). */
const writeInterval = 1000
/** Five tries that get no answer at all, and the waits between them, fit into the time of `withRetries` (ms). */
const defaultPatience = 10_000
/** How many bytes per ms a slow network carries: `fetch` does not tell how far a body was sent. */
const slowest = 500
/** An object stays this long after its end (s): until then whoever opens it is told that it expired. KV asks for 60 s. */
const graceAfterEnd = 7 * 24 * 60 * 60

/** What differs between the doors; each call is one request. `life` is in seconds. */
interface Door {
  get(name: string, signal: AbortSignal): Promise<Uint8Array | null>
  put(name: string, bytes: Uint8Array, metadata: Metadata, life: number | null, signal: AbortSignal): Promise<void>
  list(prefix: string, cursor: string | null, signal: AbortSignal): Promise<KvPage>
  delete(name: string, signal: AbortSignal): Promise<void>
}

interface Metadata {
  /** Bytes. */
  size: number
  /** When it was put (ms since epoch), by the clock of whoever did. */
  at: number
}

function createProvider(door: Door): KvProvider {
  const own = createOwnWrites({ settlesAfter, keepBytes })
  const turns = new Map<string, Promise<unknown>>()

  async function put(name: string, given: Uint8Array, options: KvPutOptions): Promise<void> {
    if (given.length > largestValue) {
      throw new PspError("too-large", `Cannot store ${name}: ${given.length} bytes, but KV takes ${largestValue}`)
    }
    const bytes = given.slice()
    const isNamedByDigest = await endsInDigest(name, bytes)
    const before = own.of(name)
    // Just written: to write it again would only be refused.
    if (before !== null && before !== "removed" && before.age < writeInterval) {
      if (isNamedByDigest || (before.bytes !== null && equalBytes(before.bytes, bytes))) return
    }
    if (!isNamedByDigest) {
      const stored = await read(`store ${name}`, name, options)
      if (stored !== null && !equalBytes(stored, bytes)) {
        throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
      }
      if (stored !== null) return
    }
    await write(name, bytes, options)
    own.put(name, bytes)
  }

  async function write(name: string, bytes: Uint8Array, { signal, expiresAt }: KvPutOptions): Promise<void> {
    const metadata = { size: bytes.length, at: Date.now() }
    const life = expiresAt === undefined ? null : lifeOf(expiresAt)
    await request(`store ${name}`, signal, (signal) => door.put(name, bytes, metadata, life, signal))
  }

  /** What the store says, but an own write before what it does not show yet. */
  function read(doing: string, name: string, { signal }: CallOptions): Promise<Uint8Array | null> {
    return request(doing, signal, async (signal) => {
      if (own.of(name) === "removed") return null
      const bytes = await door.get(name, signal)
      const written = own.of(name)
      if (bytes !== null || written === null || written === "removed") return bytes
      if (written.bytes !== null) return written.bytes
      throw new PspError("unreachable", `Cannot ${doing}: KV does not show yet what was just written`)
    })
  }

  async function* list(prefix: string, { signal }: CallOptions = {}): ReturnType<Provider["list"]> {
    const unseen = own.putsUnder(prefix)
    let cursor: string | null = null
    do {
      const page: KvPage = await request("list", signal, (signal) => door.list(prefix, cursor, signal))
      for (const { name, metadata } of page.keys) {
        if (!isObjectName(name) || !name.startsWith(prefix)) continue
        while (unseen[0] !== undefined && unseen[0].name < name) yield* shown(unseen.shift())
        if (unseen[0]?.name === name) unseen.shift()
        const size = sizeOf(metadata) ?? (await read("list", name, { ...(signal && { signal }) }))?.length
        if (size !== undefined) yield* shown({ name, size })
        if (signal?.aborted === true) throw new PspError("aborted", "Cannot list: it was called off")
      }
      cursor = nextCursor(page, cursor)
    } while (cursor !== null)
    for (const object of unseen) yield* shown(object)
  }

  function* shown(object: { name: string; size: number } | undefined): Iterable<{ name: string; size: number }> {
    if (object !== undefined && own.of(object.name) !== "removed") yield object
  }

  /** Own writes of one name follow each other, whatever becomes of the one before. */
  async function inTurn(
    doing: string,
    name: string,
    { signal }: CallOptions,
    work: () => Promise<void>,
  ): Promise<void> {
    const turn = (turns.get(name) ?? Promise.resolve()).then(work, work)
    turns.set(name, turn)
    const leave = () => {
      if (turns.get(name) === turn) turns.delete(name)
    }
    turn.then(leave, leave)
    try {
      await (signal === undefined ? turn : orAborted(signal, turn))
    } catch (error) {
      if (signal?.aborted !== true) throw error
      throw new PspError("aborted", `Cannot ${doing} ${name}: it was called off`)
    }
  }

  return {
    maxObjectBytes: largestValue,
    put: async (name, bytes, options = {}) => {
      check("store", name, isObjectName(name), options)
      await inTurn("store", name, options, () => put(name, bytes, options))
    },
    get: async (name, options = {}) => {
      check("read", name, isObjectName(name), options)
      return read(`read ${name}`, name, options)
    },
    async *list(prefix, options) {
      check("list", prefix, isObjectPrefix(prefix), options)
      yield* list(prefix, options)
    },
    remove: async (name, options = {}) => {
      check("remove", name, isObjectName(name), options)
      await inTurn("remove", name, options, async () => {
        await request(`remove ${name}`, options.signal, (signal) => door.delete(name, signal))
        own.remove(name)
      })
    },
    check: async (options) => {
      // No object's name begins with a hyphen: an answer without keys.
      await request("use the store", options?.signal, (signal) => door.list("-", null, signal))
    },
    warnings: async () => [replaces, late],
    close: async () => own.clear(),
  }
}

const replaces = notCreateOnly("Cloudflare KV has no create-if-absent")

const late: StoreWarning = {
  code: "shown-late",
  message: "Cloudflare KV shows a save to other computers within about a minute, sometimes later, and a removal too",
}

function bindingDoor(namespace: KvNamespace): Door {
  /** The binding takes no signal: who calls off does not wait for it. */
  async function call<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    try {
      return await orAborted(signal, work())
    } catch (error) {
      signal.throwIfAborted()
      // "KV PUT failed: 429 Too Many Requests"
      const [, status] = /^KV \w+ failed: (\d{3})\b/.exec(error instanceof Error ? error.message : "") ?? []
      if (status !== undefined) throw new Refused(Number(status))
      throw new PspError("unreachable", "Cloudflare KV gave no answer")
    }
  }

  return {
    get: async (name, signal) => {
      const value = await call(signal, () => namespace.get(name, "arrayBuffer"))
      return value === null ? null : new Uint8Array(value)
    },
    put: (name, bytes, metadata, life, signal) =>
      call(signal, () => namespace.put(name, bytes, { metadata, ...(life !== null && { expirationTtl: life }) })),
    list: (prefix, cursor, signal) =>
      call(signal, () => namespace.list({ prefix, ...(cursor !== null && { cursor }) })),
    delete: (name, signal) => call(signal, () => namespace.delete(name)),
  }
}

/** https://developers.cloudflare.com/api/resources/kv/subresources/namespaces/ */
function restDoor(options: KvRestOptions): Door {
  const { account, namespace, token, endpoint = cloudflare, fetch: ask = fetch, patience = defaultPatience } = options
  for (const [what, id] of Object.entries({ account, namespace })) {
    if (!/^[\w-]{1,64}$/.test(id)) throw badConfig(`expected the id of the ${what}`)
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw badConfig("expected an API token")
  const root = `${apiRoot(endpoint)}/accounts/${account}/storage/kv/namespaces/${namespace}`
  const valueOf = (name: string) => `${root}/values/${encodeURIComponent(name)}`

  /** What the whole body means, or the error that the answer is. `size` is what is sent, `maxBytes` what may come (bytes). */
  async function call<T>(
    url: string,
    {
      signal,
      size = 0,
      maxBytes = largestAnswer,
      ...init
    }: RequestInit & { signal: AbortSignal; size?: number; maxBytes?: number },
    resultOf: (body: Uint8Array) => T,
  ): Promise<T> {
    const timer = createStallTimer(signal, { idle: patience, first: patience + size / slowest })
    const headers = { authorization: `Bearer ${token}` }
    try {
      const response = await ask(url, { ...init, signal: timer.signal, redirect: "manual", headers })
      timer.moved()
      if (response.ok) return resultOf(await readMoving(response, timer, maxBytes))
      const said = await readMoving(response, timer, largestRefusal).catch((error: unknown) => {
        // Whether the object is missing, or the namespace, is told by the rest; everything else by the status, and so is
        // what is too long to be Cloudflare's own word.
        if (response.status === 404 && !isPspError(error, "corrupt")) throw error
        return new Uint8Array()
      })
      throw new Refused(response.status, errorCodesOf(said), retryAfterOf(response))
    } catch (error) {
      signal.throwIfAborted()
      if (isPspError(error)) throw error
      // Whatever fetch says may hold a header.
      throw new PspError("unreachable", "Cloudflare gave no answer, or only a part of it")
    } finally {
      timer.stop()
    }
  }

  return {
    get: (name, signal) => call(valueOf(name), { signal, maxBytes: largestValue }, (body) => body).catch(ignoreMissing),
    put: async (name, bytes, metadata, life, signal) => {
      const body = new FormData()
      body.set("value", new Blob([asBufferSource(bytes)]))
      body.set("metadata", JSON.stringify(metadata))
      const query = life === null ? "" : `?expiration_ttl=${life}`
      await call(`${valueOf(name)}${query}`, { method: "PUT", body, size: bytes.length, signal }, confirm)
    },
    list: (prefix, cursor, signal) => {
      const query = new URLSearchParams({ prefix, ...(cursor !== null && { cursor }) }).toString()
      return call(`${root}/keys?${query}`, { signal }, pageOf)
    },
    delete: async (name, signal) => {
      await call(valueOf(name), { method: "DELETE", signal }, confirm).catch(ignoreMissing)
    },
  }
}

const cloudflare = "https://api.cloudflare.com/client/v4"
/** Cloudflare's own numbers: "key not found", "your account has reached the free usage limit for today". */
const keyNotFound = 10009
const quotaUsedUp = 10048

/** An answer that says no. */
class Refused extends PspError {
  constructor(
    readonly status: number,
    readonly codes: number[] = [],
    /** ms. */
    readonly retryAfter: number | null = null,
  ) {
    const numbers = [status, ...codes].join(", ")
    super(...meaningOf(status, codes, numbers))
  }

  /** The day's quota comes back at midnight, and what is refused stays so. */
  get isPassing(): boolean {
    return (this.code === "unreachable" || this.code === "rate-limited") && !this.codes.includes(quotaUsedUp)
  }
}

function meaningOf(status: number, codes: number[], numbers: string): ConstructorParameters<typeof PspError> {
  if (codes.includes(quotaUsedUp)) return ["rate-limited", `the account's operations of today are used up (${numbers})`]
  if (status === 429) return ["rate-limited", `Cloudflare asks to wait (${numbers})`]
  if (status === 401 || status === 403)
    return ["denied", `Cloudflare refuses the token, or its permissions (${numbers})`]
  if (status === 404) return ["bad-config", `there is no such account or namespace (${numbers})`]
  if (status === 413) return ["too-large", `Cloudflare finds the object too large (${numbers})`]
  if (status === 408 || status >= 500 || status < 400) return ["unreachable", `Cloudflare cannot answer (${numbers})`]
  return ["denied", `Cloudflare refuses the request (${numbers})`]
}

/** Tries again what passes, and says in its error what we were doing. */
async function request<T>(
  doing: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withRetries(doing, work, {
      ...(signal && { signal }),
      isTransient: (error) => (error instanceof Refused ? error.isPassing : isPspError(error, "unreachable")),
      askedWait: (error) =>
        error instanceof Refused && error.status === 429 ? (error.retryAfter ?? writeInterval) : null,
    })
  } catch (error) {
    if (!isPspError(error) || error.message.startsWith("Cannot ")) throw error
    throw new PspError(error.code, `Cannot ${doing}: ${error.message}`)
  }
}

function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error)
    signal.addEventListener("abort", stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop))
  })
}

/** Seconds; a duration, so that a clock that is wrong about the year still gives a session its time. */
function lifeOf(expiresAt: number): number {
  return Math.max(0, Math.ceil((expiresAt - Date.now()) / 1000)) + graceAfterEnd
}

async function endsInDigest(name: string, bytes: Uint8Array): Promise<boolean> {
  const digest = hex(await sha256(bytes)).slice(0, 32)
  return new RegExp(`(?:^|[/.-])${digest}(?:\\.psp)?$`).test(name)
}

function sizeOf(metadata: unknown): number | null {
  if (typeof metadata !== "object" || metadata === null || !("size" in metadata)) return null
  const { size } = metadata
  return typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null
}

function nextCursor({ list_complete, cursor }: KvPage, last: string | null): string | null {
  if (list_complete) return null
  if (cursor !== undefined && cursor !== "" && cursor !== last) return cursor
  throw new PspError("unreachable", "Cannot list: Cloudflare says that there is more, but not where")
}

function pageOf(answer: Uint8Array): KvPage {
  const { result, result_info: info } = objectOf(jsonOf(answer))
  if (!Array.isArray(result)) throw new TypeError("expected a list of keys")
  const keys = result
    .map(objectOf)
    .flatMap(({ name, metadata }) => (typeof name === "string" ? [{ name, metadata }] : []))
  const cursor = objectOf(info ?? {})["cursor"]
  return typeof cursor === "string" && cursor !== ""
    ? { keys, list_complete: false, cursor }
    : { keys, list_complete: true }
}

/** A write counts when Cloudflare says so: a proxy's page says 200 too. */
function confirm(answer: Uint8Array): void {
  if (objectOf(jsonOf(answer))["success"] !== true) throw new TypeError("expected success")
}

function errorCodesOf(answer: Uint8Array): number[] {
  try {
    const { errors } = objectOf(jsonOf(answer))
    return Array.isArray(errors) ? errors.map((error) => Number(objectOf(error)["code"])).filter(Number.isInteger) : []
  } catch {
    return []
  }
}

function retryAfterOf({ headers }: Response): number | null {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null
}

/** Only Cloudflare's own word for it: any other 404 is about the account, the namespace, or a proxy. */
function ignoreMissing(error: unknown): null {
  if (error instanceof Refused && error.status === 404 && error.codes.includes(keyNotFound)) return null
  throw error
}

function apiRoot(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  const isHere = url !== null && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isHere)) return url.href.replace(/\/+$/, "")
  throw badConfig("expected an endpoint with https:, as the token goes there")
}

function jsonOf(body: Uint8Array): unknown {
  return JSON.parse(utf8ToText(body)) as unknown
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new TypeError("expected an object")
  return { ...value }
}

function badConfig(expected: string): PspError {
  return new PspError("bad-config", `Cannot use Cloudflare KV: ${expected}`)
}

function check(doing: string, name: string, isGood: boolean, options: CallOptions | undefined): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
  if (options?.signal?.aborted === true) throw new PspError("aborted", `Cannot ${doing} ${name}: it was called off`)
}
