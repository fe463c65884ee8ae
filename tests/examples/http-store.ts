import { equalBytes } from "../../shared/bytes.js"
import { PspError } from "../../shared/errors.js"
import { isObjectName, isObjectPrefix, type CallOptions, type Provider } from "../../shared/provider.js"
import { withRetries } from "../../shared/providers/retry.js"

/**
 * Objects on a web server of your own, which answers
 *
 *     PUT    <root>/<name>                     201, or 412 when the name is taken (it obeys `If-None-Match: *`)
 *     GET    <root>/<name>                     200 and the bytes, or 404
 *     DELETE <root>/<name>                     204, also when there is nothing
 *     GET    <root>/?prefix=<p>&after=<name>   [{ "name": …, "size": … }], in ascending order; [] after the last page
 *
 * `root` ends in no slash; `token` is sent to the server and told to nobody else.
 */
export function createHttpProvider({ root, token }: { root: string; token: string }): Provider {
  /** One request, tried again while its fault is one that passes; `good` are the answers that are no fault. */
  function ask<T>(
    doing: string,
    path: string,
    init: { method?: string; body?: Uint8Array<ArrayBuffer>; headers?: Record<string, string> },
    good: number[],
    read: (response: Response) => Promise<T>,
    { signal: called }: CallOptions = {},
  ): Promise<T> {
    return withRetries(
      doing,
      async (signal) => {
        try {
          const headers = { ...init.headers, authorization: `Bearer ${token}` }
          const response = await fetch(`${root}/${path}`, { ...init, headers, signal })
          if (good.includes(response.status)) return await read(response)
          throw new PspError(codeOf(response.status), `Cannot ${doing}: the server answered ${response.status}`)
        } catch (error) {
          // Without the fault itself as its cause: it may hold a header, and so the token.
          throw error instanceof PspError ? error : new PspError("unreachable", `Cannot ${doing}: no whole answer`)
        }
      },
      called === undefined ? {} : { signal: called },
    )
  }

  async function get(name: string, options?: CallOptions): Promise<Uint8Array | null> {
    check("read", name, isObjectName(name), options)
    return ask(`read ${name}`, name, {}, [200, 404], bytesOf, options)
  }

  return {
    get,
    async put(name, bytes, options) {
      check("store", name, isObjectName(name), options)
      const init = { method: "PUT", body: bytes.slice(), headers: { "if-none-match": "*" } }
      const status = await ask(`store ${name}`, name, init, [201, 412], async ({ status }) => status, options)
      if (status === 201) return
      // Taken: by the same bytes (perhaps by our own try whose answer was lost), which is success, or by others.
      const stored = await get(name, options)
      if (stored === null) throw new PspError("unreachable", `Cannot store ${name}: somebody removed it meanwhile`)
      if (!equalBytes(stored, bytes)) {
        throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
      }
    },
    async *list(prefix, options) {
      check("list", prefix, isObjectPrefix(prefix), options)
      for (let after = ""; ;) {
        const query = new URLSearchParams({ prefix, after }).toString()
        const page = await ask("list", `?${query}`, {}, [200], objectsOf, options)
        yield* page
        const last = page.at(-1)
        if (last === undefined) return
        after = last.name
      }
    },
    async remove(name, options) {
      check("remove", name, isObjectName(name), options)
      await ask(`remove ${name}`, name, { method: "DELETE" }, [204], async () => undefined, options)
    },
  }
}

/** What an answer means; `unreachable` and `rate-limited` are tried again, the others are not. */
function codeOf(status: number): "denied" | "full" | "rate-limited" | "unreachable" {
  if (status === 429) return "rate-limited"
  if (status === 507) return "full"
  return status >= 500 ? "unreachable" : "denied"
}

async function bytesOf(response: Response): Promise<Uint8Array | null> {
  return response.status === 404 ? null : new Uint8Array(await response.arrayBuffer())
}

async function objectsOf(response: Response): Promise<{ name: string; size: number }[]> {
  const page: unknown = await response.json()
  if (!Array.isArray(page)) throw new TypeError("expected a list")
  return page.filter(isObject)
}

/** Whatever else lies in the store is not ours. */
function isObject(entry: unknown): entry is { name: string; size: number } {
  if (typeof entry !== "object" || entry === null || !("name" in entry) || !("size" in entry)) return false
  return isObjectName(entry.name) && Number.isSafeInteger(entry.size)
}

function check(doing: string, name: string, isGood: boolean, options: CallOptions | undefined): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
  if (options?.signal?.aborted === true) throw new PspError("aborted", `Cannot ${doing} ${name}: it was called off`)
}
