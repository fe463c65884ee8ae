import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { buffer } from "node:stream/consumers"
import { describe, expect, it } from "vitest"
import { createHttpProvider } from "../../examples/http-store.js"
import { describeProvider, listAll } from "../../contracts/provider-contract.js"

const token = "canary-token-Zq82"
const pageSize = 3

describeProvider("the example of docs/stores.md", {
  create: async () => {
    const { root, stop } = await startObjectServer()
    return { provider: createHttpProvider({ root, token }), dispose: stop }
  },
})

describe("the example of docs/stores.md", () => {
  it("stands there as it is tested", () => {
    const code = readFileSync("tests/examples/http-store.ts", "utf8")
    expect(readFileSync("docs/stores.md", "utf8")).toContain(`\n\`\`\`ts\n${code}\`\`\`\n`)
  })

  it("tries again after a fault that passes, and lists past the pages that failed", async () => {
    const { root, stop, failNext } = await startObjectServer()
    const provider = createHttpProvider({ root, token })
    const names = Array.from({ length: 10 }, (_, i) => `v/${i}`)
    for (const name of names) await provider.put(name, Uint8Array.of(1))
    failNext(503, 429)
    expect((await listAll(provider, "")).map(({ name }) => name)).toEqual(names)
    await stop()
  })

  it("takes a put whose answer was lost as done", async () => {
    const { root, stop, loseNextAnswer } = await startObjectServer()
    const provider = createHttpProvider({ root, token })
    loseNextAnswer()
    await provider.put("v/a", Uint8Array.of(1))
    expect(await listAll(provider, "")).toEqual([{ name: "v/a", size: 1 }])
    await stop()
  })

  it.each([
    [401, "denied"],
    [507, "full"],
  ])("takes %i for %s, and tells the token to nobody", async (status, code) => {
    const { root, stop, failNext } = await startObjectServer()
    failNext(status)
    const failure: unknown = await createHttpProvider({ root, token })
      .get("v/a")
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: "PspError", code })
    expect(String(failure)).not.toContain(token)
    await stop()
  })
})

/** The server that the example describes, over a Map. */
async function startObjectServer() {
  const objects = new Map<string, Buffer>()
  const faults: number[] = []
  let isDeaf = false

  async function answer(method: string, url: URL, body: Buffer): Promise<[number, (Buffer | string)?]> {
    const name = url.pathname.slice(1)
    if (name === "") {
      const { prefix = "", after = "" } = Object.fromEntries(url.searchParams)
      const names = [...objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort()
      const page = names.slice(0, pageSize).map((name) => ({ name, size: objects.get(name)?.length }))
      return [200, JSON.stringify(page)]
    }
    if (method === "DELETE") {
      objects.delete(name)
      return [204]
    }
    const stored = objects.get(name)
    if (method === "GET") return stored === undefined ? [404] : [200, stored]
    if (stored !== undefined) return [412]
    objects.set(name, body)
    return [201]
  }

  const server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request)
      const fault = faults.shift()
      const isKnown = request.headers.authorization === `Bearer ${token}`
      const [status, bytes] =
        fault !== undefined || !isKnown
          ? [fault ?? 401]
          : await answer(request.method ?? "", new URL(request.url ?? "", "http://127.0.0.1"), body)
      if (isDeaf) response.destroy()
      else response.writeHead(status).end(bytes)
      isDeaf = false
    })()
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")

  return {
    root: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failNext: (...statuses: number[]) => faults.push(...statuses),
    loseNextAnswer: () => {
      isDeaf = true
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    },
  }
}
