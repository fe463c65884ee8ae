import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openStore } from "../../native-host/stores.js"
import { testObject } from "../contracts/provider-contract.js"
import { startKvRest, type KvRest } from "../servers/kv-rest.js"
import { startWorkerd, type Workerd } from "../servers/workerd.js"

let workerd: Workerd
let server: KvRest

beforeAll(async () => {
  workerd = await startWorkerd()
  server = await startKvRest(workerd.namespace)
})
afterAll(async () => {
  await server.stop()
  await workerd.stop()
})

describe("the address of a cloudflare-kv store", () => {
  it("opens the namespace with the token of the environment", async () => {
    const { name, bytes } = testObject("v/s")
    const address = `cloudflare-kv://${server.account}/${server.namespace}?endpoint=${encodeURIComponent(server.endpoint)}`
    const open = () => openStore(address, { CLOUDFLARE_API_TOKEN: `${server.token}\n` })
    await (await open()).put(name, bytes)
    expect(await (await open()).get(name)).toEqual(bytes)
  })

  it.each([
    ["cloudflare-kv:", "canary"],
    ["cloudflare-kv://canary", "canary"],
    ["cloudflare-kv://canary/a/b", "canary"],
    ["cloudflare-kv://user:canary@account/namespace", "canary"],
    ["cloudflare-kv://account/namespace?endpoint=http://canary.example", "canary"],
    ["cloudflare-kv://account/namespace?token=canary", "token"],
    ["cloudflare-kv://account/namespace?endpoint=canary", "token"],
    ["cloudflare-kv://account/namespace?endpoint=https://user:canary@kv.example", "token"],
    ["cloudflare-kv://account/namespace#canary", "token"],
    ["cloudflare-kv://account/namespace", ""],
    ["cloudflare-kv://account/namespace", "can ary"],
  ])("is refused as %s without a word of it (token: %j)", async (address, token) => {
    const failure: unknown = await openStore(address, { CLOUDFLARE_API_TOKEN: token }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ name: "PspError", code: "bad-config" })
    expect(String(failure)).not.toMatch(/can ?ary/)
  })
})
