import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { errorCodeOf, PspError } from "../../../shared/errors.js"
import type { CallOptions, Provider, StoredObject } from "../../../shared/provider.js"
import { createKvProvider } from "../../../shared/providers/cloudflare-kv.js"
import { describeProvider, testObject } from "../../contracts/provider-contract.js"
import { startWorkerd, type Workerd } from "../../servers/workerd.js"

let workerd: Workerd

beforeAll(async () => {
  workerd = await startWorkerd()
})
afterAll(() => workerd.stop())

describeProvider("cloudflare-kv provider over a namespace of workerd", {
  create: async () => ({ provider: createKvProvider({ namespace: workerd.namespace }), dispose: workerd.clear }),
})

describeProvider("cloudflare-kv provider inside a Worker in workerd", {
  create: async () => ({ provider: providerInWorker(), dispose: workerd.clear }),
})

describe("cloudflare-kv provider inside a Worker in workerd, in one request", () => {
  it("puts, refuses other bytes, gets, removes", async () => {
    const { name, bytes } = testObject("v/s", 70)
    const { status, bytes: answer } = await workerd.fetch(`put-then-use?${new URLSearchParams({ name })}`, {
      method: "POST",
      body: bytes.slice(),
    })
    expect([status, JSON.parse(Buffer.from(answer).toString())]).toEqual([200, { got: 70, after: null }])
  })
})

/** Asks the Worker for each call; it makes a provider for each request, as Workers do. */
function providerInWorker(): Provider {
  async function ask(what: string, name: string, options: CallOptions = {}, body?: Uint8Array) {
    const query = new URLSearchParams({ name, ...(options.signal?.aborted === true && { aborted: "" }) })
    const init = body === undefined ? { method: "POST" } : { method: "POST", body: body.slice() }
    const { status, bytes } = await workerd.fetch(`${what}?${query}`, init)
    if (status === 200) return bytes
    if (status === 204) return null
    const { code, message } = JSON.parse(Buffer.from(bytes).toString()) as { code?: string; message: string }
    throw new PspError(errorCodeOf(code), message)
  }

  return {
    put: async (name, bytes, options) => {
      await ask("put", name, options, bytes)
    },
    get: (name, options) => ask("get", name, options),
    async *list(prefix, options) {
      const answer = await ask("list", prefix, options)
      yield* JSON.parse(Buffer.from(answer ?? []).toString()) as StoredObject[]
    },
    remove: async (name, options) => {
      await ask("remove", name, options)
    },
    check: async (options) => {
      await ask("check", "", options)
    },
  }
}
