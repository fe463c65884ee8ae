import { isPspError } from "../../shared/errors.js"
import { createKvProvider, type KvNamespace } from "../../shared/providers/cloudflare-kv.js"

/**
 * A Worker that does with its KV binding what it is asked by HTTP, so that tests can run the provider inside workerd.
 * Objects go as bodies, the rest as JSON; an error is status 500 with `{ code, message }`.
 */
const worker = {
  async fetch(request: Request, env: { STORE: KvNamespace }): Promise<Response> {
    const provider = createKvProvider({ namespace: env.STORE })
    const { pathname, searchParams } = new URL(request.url)
    const name = searchParams.get("name") ?? ""
    const options = searchParams.has("aborted") ? { signal: AbortSignal.abort() } : {}
    try {
      switch (pathname) {
        case "/put":
          await provider.put(name, new Uint8Array(await request.arrayBuffer()), options)
          return new Response(null, { status: 204 })
        case "/get": {
          const bytes = await provider.get(name, options)
          return bytes === null ? new Response(null, { status: 204 }) : new Response(bytes.slice())
        }
        case "/list": {
          const objects = []
          for await (const object of provider.list(name, options)) objects.push(object)
          return Response.json(objects)
        }
        case "/remove":
          await provider.remove(name, options)
          return new Response(null, { status: 204 })
        case "/check":
          await provider.check?.(options)
          return new Response(null, { status: 204 })
        case "/seed": {
          const names = (await request.json()) as string[]
          await Promise.all(names.map((name) => env.STORE.put(name, Uint8Array.of(1), { metadata: { size: 1 } })))
          return new Response(null, { status: 204 })
        }
        case "/clear":
          for (let isEmpty = false; !isEmpty;) {
            const { keys, list_complete } = await env.STORE.list({ prefix: "" })
            await Promise.all(keys.map((key) => env.STORE.delete(key.name)))
            isEmpty = list_complete
          }
          return new Response(null, { status: 204 })
        case "/put-then-use": {
          // All in one request, so with one provider and what it remembers.
          await provider.put(name, new Uint8Array(await request.arrayBuffer()))
          await provider.put(name, new Uint8Array(0)).catch(() => undefined)
          const got = await provider.get(name)
          await provider.remove(name)
          return Response.json({ got: got?.length ?? null, after: await provider.get(name) })
        }
        default:
          return new Response(null, { status: 404 })
      }
    } catch (error) {
      const known = isPspError(error) ? { code: error.code, message: error.message } : { message: String(error) }
      return Response.json(known, { status: 500 })
    }
  },
}

export { worker as default }
