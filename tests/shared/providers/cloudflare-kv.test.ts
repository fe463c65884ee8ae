import { inspect } from "node:util"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { isPspError, type ErrorCode } from "../../../shared/errors.js"
import type { Provider } from "../../../shared/provider.js"
import {
  createKvProvider,
  createKvRestProvider,
  type KvNamespace,
  type KvRestOptions,
} from "../../../shared/providers/cloudflare-kv.js"
import { describeProvider, listAll, testObject, type TestObject } from "../../contracts/provider-contract.js"
import { startKvRest, type KvFault, type KvRest } from "../../servers/kv-rest.js"
import { createLateKv, type LateKv } from "../../servers/late-kv.js"
import { startWorkerd, type Workerd } from "../../servers/workerd.js"
import { faultCount, faultTimeout } from "../../fault-count.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { createTwoOwners, minute, start, tokenOf } from "../vault/devices.js"
import { createRandom } from "../vault/hostile-provider.js"

let workerd: Workerd
let late: LateKv
let server: KvRest

beforeAll(async () => {
  workerd = await startWorkerd()
  late = createLateKv(workerd.namespace)
  server = await startKvRest(late)
})
afterEach(async () => {
  late.catchUp()
  server.requests.length = 0
  await workerd.clear()
})
afterAll(async () => {
  await server.stop()
  await workerd.stop()
})

const rest = (options: Partial<KvRestOptions> = {}) => createKvRestProvider({ ...server, ...options })
const binding = (namespace: KvNamespace = late) => createKvProvider({ namespace })

describeProvider("cloudflare-kv provider over the REST API", {
  create: async () => ({ provider: rest(), dispose: workerd.clear }),
})

describe.each([
  ["the binding", () => binding()],
  ["the REST API", () => rest()],
])("cloudflare-kv provider through %s", (_, create) => {
  it("sees its own put at once, while the store shows it to nobody", async () => {
    const objects = [testObject("v/a", 1), testObject("v/b", 2), testObject("v/c", 3), testObject("w/a", 4)]
    const [a, b, c, w] = objects as [TestObject, TestObject, TestObject, TestObject]
    const provider = create()
    await workerd.namespace.put(b.name, b.bytes, { metadata: { size: 2 } })
    await late.holdBack()
    for (const { name, bytes } of [w, c, a]) await provider.put(name, bytes)
    expect(await create().get(a.name)).toBeNull()
    expect(await provider.get(a.name)).toEqual(a.bytes)
    expect(await listAll(create(), "v/")).toEqual([{ name: b.name, size: 2 }])
    expect(await listAll(provider, "v/")).toEqual([a, b, c].map(({ name, bytes }) => ({ name, size: bytes.length })))
    late.catchUp()
    expect(await listAll(provider, "v/")).toHaveLength(3)
    expect(await create().get(a.name)).toEqual(a.bytes)
  })

  it("does not see what it removed, while the store still shows it", async () => {
    const [kept, gone] = [testObject("v/a", 1), testObject("v/b", 2)]
    const provider = create()
    for (const { name, bytes } of [kept, gone]) await provider.put(name, bytes)
    await late.holdBack()
    await provider.remove(gone.name)
    expect(await create().get(gone.name)).toEqual(gone.bytes)
    expect(await provider.get(gone.name)).toBeNull()
    expect(await listAll(provider, "")).toEqual([{ name: kept.name, size: 1 }])
    await provider.put(gone.name, gone.bytes)
    expect(await provider.get(gone.name)).toEqual(gone.bytes)
    expect(await listAll(provider, "")).toHaveLength(2)
  })

  it("refuses other bytes under a name that it wrote, while the store shows it to nobody", async () => {
    const provider = create()
    await late.holdBack()
    await provider.put("v/plain", Uint8Array.of(1))
    await provider.put("v/plain", Uint8Array.of(1))
    await expect(provider.put("v/plain", Uint8Array.of(2))).rejects.toMatchObject({ code: "corrupt" })
    late.catchUp()
    expect(await provider.get("v/plain")).toEqual(Uint8Array.of(1))
  })

  it("lets two put the same object while neither sees the other", async () => {
    const { name, bytes } = testObject("v/s", 9)
    const [one, other] = [create(), create()]
    await late.holdBack()
    await Promise.all([one.put(name, bytes), other.put(name, bytes)])
    late.catchUp()
    expect(await one.get(name)).toEqual(bytes)
    expect(await listAll(other, "")).toEqual([{ name, size: 9 }])
  })

  it("gives what the store has, not what it remembers", async () => {
    const { name, bytes } = testObject("v/s", 3)
    const provider = create()
    await provider.put(name, bytes)
    await workerd.namespace.put(name, Uint8Array.of(7), { metadata: { size: 1 } })
    expect(await provider.get(name)).toEqual(Uint8Array.of(7))
  })

  it("reads an object for its size only where another tool put it, and skips what is no object", async () => {
    await workerd.namespace.put("v/foreign", new Uint8Array(5), { metadata: null })
    await workerd.namespace.put("v/odd", new Uint8Array(6), { metadata: { size: "6" } })
    await workerd.namespace.put("Not an object", new Uint8Array(7), { metadata: null })
    expect(await listAll(create(), "")).toEqual([
      { name: "v/foreign", size: 5 },
      { name: "v/odd", size: 6 },
    ])
  })

  it("takes a value of 25 MiB and refuses a larger one before it sends anything", async () => {
    const provider = create()
    const largest = testObject("v/s", provider.maxObjectBytes)
    await provider.put(largest.name, largest.bytes)
    const got = await create().get(largest.name)
    expect(got !== null && Buffer.compare(got, largest.bytes)).toBe(0)
    server.requests.length = 0
    await expect(provider.put("v/s/x", new Uint8Array(provider.maxObjectBytes + 1))).rejects.toMatchObject({
      code: "too-large",
    })
    expect(server.requests).toEqual([])
  })

  it("lets the store drop an object a week after its end", async () => {
    const provider = create()
    const week = 7 * 24 * 60 * 60
    const ends = { past: -week, soon: 1, late: week }
    const now = Math.floor(Date.now() / 1000)
    for (const [name, fromNow] of Object.entries(ends)) {
      await provider.put(`v/${name}`, Uint8Array.of(1), { expiresAt: (now + fromNow) * 1000 })
    }
    await provider.put("v/no-end", Uint8Array.of(1))
    const { keys } = await workerd.namespace.list({ prefix: "" })
    const daysLeft = keys.map(({ name, expiration }) => [name, Math.floor(((expiration ?? NaN) - now + 5) / 86_400)])
    expect(daysLeft).toEqual([
      ["v/late", 14],
      ["v/no-end", NaN],
      ["v/past", 7],
      ["v/soon", 7],
    ])
  })
})

describe("cloudflare-kv provider over 2,500 objects", () => {
  const names = Array.from({ length: 2500 }, (_, i) => `v/s/${String(i).padStart(5, "0")}`)
  const own = "v/s/00001-own"

  it("lists them in order, with their sizes, page by page, through both doors, also when a page fails", async () => {
    await workerd.seed(names)
    const doors = [binding(), rest()]
    await doors[0]?.put(own, Uint8Array.of(1, 2))
    server.fail(["cut", { status: 500 }], { after: 1 })
    for (const provider of doors) {
      const listed = await listAll(provider, "v/")
      expect(listed.map(({ name }) => name)).toEqual([...names, own].sort())
      expect(listed.filter(({ size }) => size !== 1)).toEqual([{ name: own, size: 2 }])
    }
    expect(server.requests.map((request) => request.split("?")[0])).toEqual(Array.from("12345", () => "GET keys"))
  }, 120_000)
})

describe("cloudflare-kv provider through the binding, on bad days", () => {
  const { name, bytes } = testObject("v/s", 5)

  it("is called off in the middle of a call", async () => {
    const controller = new AbortController()
    const call = binding({ ...late, get: () => new Promise(() => undefined) }).get(name, controller)
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: "PspError", code: "aborted" })
  })

  it("writes again after the second that one key takes between two writes", async () => {
    const refusals = [new Error("KV PUT failed: 429 Too Many Requests")]
    const provider = binding({
      ...late,
      put: async (...given) => {
        const refusal = refusals.shift()
        if (refusal !== undefined) throw refusal
        await late.put(...given)
      },
    })
    const started = performance.now()
    await provider.put(name, bytes)
    expect(performance.now() - started).toBeGreaterThan(990)
    expect(await provider.get(name)).toEqual(bytes)
  })

  it.each<[string, ErrorCode]>([
    ["KV GET failed: 401 Unauthorized", "denied"],
    ["KV GET failed: 500 Internal Server Error", "unreachable"],
    ["Network connection lost.", "unreachable"],
  ])("says what %j means", async (message, code) => {
    let calls = 0
    const provider = binding({
      ...late,
      get: () => {
        calls++
        return Promise.reject(new Error(message))
      },
    })
    await expect(provider.get(name)).rejects.toMatchObject({ name: "PspError", code })
    expect(calls).toBe(code === "unreachable" ? 5 : 1)
  })

  it("sees its own put when it had no room to keep the bytes, as soon as the store shows it", async () => {
    const provider = binding()
    await late.holdBack()
    await provider.put(name, bytes)
    for (const large of ["v/large-1", "v/large-2"]) await provider.put(large, new Uint8Array(5 * 1024 * 1024))
    await expect(provider.get(name)).rejects.toMatchObject({ code: "unreachable" })
    expect((await listAll(provider, "v/s")).map(({ size }) => size)).toEqual([5])
    late.catchUp()
    expect(await provider.get(name)).toEqual(bytes)
  })
})

describe("cloudflare-kv provider through the REST API, on bad days", () => {
  const { name, bytes } = testObject("v/s", 5000)
  const path = `values/${encodeURIComponent(name)}`

  it("does not look before it puts what is named by its digest, and does not write twice within a second", async () => {
    const provider = rest()
    await Promise.all([provider.put(name, bytes), provider.put(name, bytes)])
    expect(server.requests).toEqual([`PUT ${path}`])
    await provider.put("v/plain", bytes)
    expect(server.requests.slice(1)).toEqual(["GET values/v%2Fplain", "PUT values/v%2Fplain"])
  })

  it.each<[string, KvFault]>([
    ["5xx", { status: 503 }],
    ["a page of a proxy", { status: 200, page: "<html>Log in to the hotel" }],
    ["an answer that says no under a status that says yes", { status: 200, code: 1000 }],
    ["an answer that was cut", "cut"],
    ["a connection that was hung up", "hang up"],
  ])("puts and lists again after %s", async (_, fault) => {
    const provider = rest()
    server.fail([fault, fault])
    await provider.put(name, bytes)
    server.fail([fault, fault])
    expect(await listAll(provider, "")).toEqual([{ name, size: 5000 }])
    expect(await rest().get(name)).toEqual(bytes)
    expect(server.requests.map((request) => request.split(" ")[0])).toEqual([
      "PUT",
      "PUT",
      "PUT",
      "GET",
      "GET",
      "GET",
      "GET",
    ])
  })

  it.each<[string, KvFault]>([
    ["5xx", { status: 502, page: "<html>Bad gateway" }],
    ["a body that was cut", "cut"],
    ["a connection that was hung up", "hang up"],
  ])("gets again after %s", async (_, fault) => {
    const provider = rest()
    await provider.put(name, bytes)
    server.fail([fault, fault, fault, fault])
    expect(await provider.get(name)).toEqual(bytes)
    server.fail([fault])
    await provider.remove(name)
    expect(await rest().get(name)).toBeNull()
  })

  it("gives up after five tries and says that the store is unreachable", async () => {
    server.fail(Array.from({ length: 5 }, () => ({ status: 500 })))
    await expect(rest().get(name)).rejects.toMatchObject({ name: "PspError", code: "unreachable" })
    expect(server.requests).toHaveLength(5)
  })

  it("waits as long as it is asked to", async () => {
    server.fail([{ status: 429, retryAfter: "1" }])
    const started = performance.now()
    await rest().put(name, bytes)
    expect(performance.now() - started).toBeGreaterThan(990)
    expect(server.requests).toHaveLength(2)
  })

  it.each(["stall", "stop in the middle"] as const)(
    "gives up a try that gets no answer, or not the rest of one, makes five and says `unreachable` (%s)",
    async (fault) => {
      const provider = rest({ patience: 150 })
      server.fail([fault])
      await provider.put(name, bytes)
      const calls: [string, () => Promise<unknown> | undefined][] = [
        ["PUT values/v%2Fs%2F", () => provider.put(testObject("v/s", 1).name, testObject("v/s", 1).bytes)],
        [`GET ${path}`, () => provider.get(name)],
        ["GET values/v%2Fmissing", () => provider.get("v/missing")],
        ["GET keys?prefix=v", () => listAll(provider, "v/")],
        ["GET keys?prefix=-", () => provider.check?.()],
        ["DELETE", () => provider.remove(name)],
      ]
      server.requests.length = 0
      await Promise.all(
        calls.map(async ([of, call]) => {
          server.fail([fault, fault, fault, fault, fault], { of })
          await expect(call()).rejects.toMatchObject({ name: "PspError", code: "unreachable" })
        }),
      )
      expect(server.requests).toHaveLength(5 * calls.length)
      expect(await rest().get(testObject("v/s", 2).name)).toBeNull()
    },
  )

  it("does not read on for ever, whatever is asked and whatever the answer says of itself", async () => {
    const answering = (status: number) => {
      let bytes = 0
      const pull = (body: ReadableStreamDefaultController<Uint8Array>) => {
        body.enqueue(new Uint8Array(64 * 1024))
        bytes += 64 * 1024
      }
      const provider = rest({
        fetch: () => Promise.resolve(new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { status })),
      })
      return { provider, bytes: () => bytes }
    }
    const mib = 1024 * 1024
    const value = answering(200)
    await expect(value.provider.get(name)).rejects.toMatchObject({ name: "PspError", code: "corrupt" })
    expect(value.bytes()).toBeLessThan(26 * mib)
    for (const ask of [(one: Provider) => listAll(one, "v/"), (one: Provider) => one.remove(name)]) {
      const answer = answering(200)
      await expect(ask(answer.provider)).rejects.toMatchObject({ name: "PspError", code: "corrupt" })
      expect(answer.bytes()).toBeLessThan(9 * mib)
    }
    for (const [status, code] of [
      [404, "bad-config"],
      [403, "denied"],
    ] as const) {
      const refusal = answering(status)
      await expect(refusal.provider.get(name)).rejects.toMatchObject({ name: "PspError", code })
      expect(refusal.bytes()).toBeLessThan(mib)
    }
  })

  it("is called off while a try stands still", async () => {
    const controller = new AbortController()
    server.fail(["stop in the middle"])
    const call = listAll(rest(), "", controller.signal)
    await expect.poll(() => server.requests.length).toBe(1)
    controller.abort()
    await expect(call).rejects.toMatchObject({ name: "PspError", code: "aborted" })
  })

  it.each<[string, KvFault]>([
    ["that says for how long", { status: 429, retryAfter: "1" }],
    ["that does not say for how long", { status: 429 }],
  ])(
    "obeys a 429 %s: waits, then puts, gets, lists and removes",
    async (_, fault) => {
      // All at the same time: each waits for a second, four times.
      await Promise.all(
        Array.from({ length: Math.ceil(faultCount(8) / 8) }, async (_, round) => {
          const object = testObject(`v/r${round}`, 100)
          const value = `values/${encodeURIComponent(object.name)}`
          const provider = rest()
          const steps: [string, () => Promise<unknown>, unknown][] = [
            [`PUT ${value}`, () => provider.put(object.name, object.bytes), undefined],
            [`GET ${value}`, () => rest().get(object.name), object.bytes],
            [
              `GET keys?prefix=v%2Fr${round}%2F`,
              () => listAll(rest(), `v/r${round}/`),
              [{ name: object.name, size: 100 }],
            ],
            [`DELETE ${value}`, () => provider.remove(object.name), undefined],
          ]
          for (const [line, work, result] of steps) {
            server.fail([fault], { of: line })
            const started = performance.now()
            expect(await work()).toEqual(result)
            expect(performance.now() - started).toBeGreaterThan(990)
            expect(server.requests.filter((request) => request.startsWith(line))).toHaveLength(2)
          }
        }),
      )
    },
    faultTimeout(60_000),
  )

  it("keeps what is there while it says `rate-limited`, five times in a row, and works again after", async () => {
    const provider = rest()
    await provider.put(name, bytes)
    const next = testObject("v/s", 51)
    const again: KvFault = { status: 429, retryAfter: "0" }
    for (const call of [
      () => provider.put(next.name, next.bytes),
      () => provider.get(name),
      () => listAll(provider, ""),
    ]) {
      server.requests.length = 0
      server.fail([again, again, again, again, again])
      await expect(call()).rejects.toMatchObject({ name: "PspError", code: "rate-limited" })
      expect(server.requests).toHaveLength(5)
    }
    expect(await provider.get(name)).toEqual(bytes)
    expect(await provider.get(next.name)).toBeNull()
    await provider.put(next.name, next.bytes)
    expect(await listAll(rest(), "")).toHaveLength(2)
  })

  it.each<[string, KvFault, ErrorCode]>([
    ["asked to wait for five minutes", { status: 429, retryAfter: "300" }, "rate-limited"],
    ["the day's operations are used up", { status: 429, code: 10048 }, "rate-limited"],
    ["the token may not", { status: 403, code: 10000 }, "denied"],
    ["the request is refused", { status: 400, code: 10001 }, "denied"],
    ["the object is too large", { status: 413 }, "too-large"],
    ["the namespace is not there", { status: 404, code: 10013 }, "bad-config"],
    ["a proxy knows no such page", { status: 404, page: "<html>Not found" }, "bad-config"],
  ])("does not try again, and takes nothing for gone, when %s", async (_, fault, code) => {
    const provider = rest()
    await provider.put(name, bytes)
    for (const call of [
      () => rest().get(name),
      () => listAll(rest(), ""),
      () => rest().remove(name),
      () => rest().put(name, bytes),
      () => rest().check?.() ?? Promise.resolve(),
    ]) {
      server.requests.length = 0
      server.fail([fault])
      await expect(call()).rejects.toMatchObject({ name: "PspError", code })
      expect(server.requests).toHaveLength(1)
    }
    expect(await provider.get(name)).toEqual(bytes)
  })

  it("is called off in the middle of a call, and of a wait", async () => {
    for (const fault of ["stall", { status: 429, retryAfter: "30" }] as const) {
      const controller = new AbortController()
      server.fail([fault])
      server.requests.length = 0
      const call = rest().put(name, bytes, controller)
      await expect.poll(() => server.requests.length).toBe(1)
      controller.abort()
      await expect(call).rejects.toMatchObject({ name: "PspError", code: "aborted" })
    }
  })

  it("is called off while it waits for an earlier put of the same object", async () => {
    const [first, second] = [new AbortController(), new AbortController()]
    const provider = rest()
    server.fail(["stall"])
    const calls = [provider.put(name, bytes, first), provider.put(name, bytes, second)]
    await expect.poll(() => server.requests.length).toBe(1)
    for (const [i, controller] of [first, second].toReversed().entries()) {
      controller.abort()
      await expect(calls[1 - i]).rejects.toMatchObject({ name: "PspError", code: "aborted" })
    }
    await provider.put(name, bytes)
    expect(await provider.get(name)).toEqual(bytes)
  })

  it("tells the token to nobody: not in an error, whatever went wrong", async () => {
    const wrong = `wrong-${server.token}`
    const nowhere = "http://127.0.0.1:1/client/v4"
    const failures = await Promise.all([
      failureOf(() => rest({ token: wrong }).get(name)),
      failureOf(() => rest({ account: wrong }).get(name)),
      failureOf(() => rest({ namespace: "other" }).put(name, bytes)),
      failureOf(() => rest({ endpoint: nowhere }).check?.()),
      failureOf(() => rest({ token: `${wrong}\n` }).get(name)),
      failureOf(() => rest({ endpoint: `http://${wrong}@example.com/` }).get(name)),
      failureOf(() => rest({ fetch: () => Promise.reject(new TypeError(`Bearer ${wrong}`)) }).get(name)),
    ])
    expect(failures.map(({ code }) => code)).toEqual([
      "denied",
      "bad-config",
      "bad-config",
      "unreachable",
      "bad-config",
      "bad-config",
      "unreachable",
    ])
    expect(failures.filter(({ text }) => text.includes(server.token))).toEqual([])
  })

  it.each<[string, Partial<KvRestOptions>]>([
    ["an endpoint without TLS on another machine", { endpoint: "http://example.com/client/v4" }],
    ["an endpoint that is none", { endpoint: "api.cloudflare.com" }],
    ["an account that would leave its place in the path", { account: "../user" }],
    ["a namespace without characters", { namespace: "" }],
    ["a token with a line break", { token: "a\nb" }],
    ["no token", { token: "" }],
  ])("refuses %s when it is made", (_, options) => {
    expect(() => rest(options)).toThrow(expect.objectContaining({ code: "bad-config" }) as Error)
  })
})

/** Of one provider, in any order, over a store whose reads stand still and go on again at any moment. */
describe("cloudflare-kv provider over a store that shows everything late", () => {
  it.each(Array.from({ length: faultCount(6) }, (_, i) => i + 1))(
    "never concludes that an own write is gone, or that what it removed is there (history %i)",
    async (seed) => {
      const random = createRandom(seed)
      const provider = random() < 0.5 ? binding() : rest()
      const objects = Array.from({ length: 6 }, (_, i) => testObject(`v/${"ab"[i % 2]}`, 20 + i))
      const there = new Map<string, Uint8Array>()
      let heldBack = 0
      for (let step = 0; step < 25; step++) {
        const object = objects[Math.floor(random() * objects.length)]
        if (object === undefined) continue
        const choice = random()
        if (choice < 0.2) {
          await late.holdBack()
          heldBack++
        } else if (choice < 0.3) late.catchUp()
        else if (choice < 0.8) {
          await provider.put(object.name, object.bytes)
          there.set(object.name, object.bytes)
        } else {
          await provider.remove(object.name)
          there.delete(object.name)
        }
        expect(await provider.get(object.name)).toEqual(there.get(object.name) ?? null)
        const names = [...there.keys()].sort()
        for (const prefix of ["", "v/a/"]) {
          const listed = (await listAll(provider, prefix)).map(({ name }) => name)
          expect(listed).toEqual(names.filter((name) => name.startsWith(prefix)))
        }
      }
      expect(heldBack).toBeGreaterThan(0)
      late.catchUp()
      expect((await listAll(rest(), "")).map(({ name }) => name)).toEqual([...there.keys()].sort())
    },
  )

  it.each(Array.from({ length: faultCount(2) }, (_, i) => i + 1))(
    "gives whoever saved a session that save and no older one, however late others see it (history %i)",
    async (seed) => {
      const random = createRandom(seed)
      let now = start
      const providers = [rest(), rest()] as const
      const vaults = await createTwoOwners(providers[0], [() => now, () => now], providers[1])
      let newest = ""
      for (let step = 0; step < 8; step++) {
        if (random() < 0.4) await late.holdBack()
        else if (random() < 0.3) late.catchUp()
        now += minute
        newest = `${step}`
        const [saver, other] = random() < 0.5 ? vaults : [vaults[1], vaults[0]]
        await saver.save(exampleSnapshot("example.com", "default", newest))
        expect(tokenOf(await saver.load("example.com"))).toBe(newest)
        // The other one sees an older state for a while. It says so where it has seen newer, and never "nothing".
        const seen = await other.load("example.com").catch((error: unknown) => error)
        if (seen instanceof Error) expect(seen).toMatchObject({ code: "rolled-back" })
      }
      late.catchUp()
      for (const vault of vaults) {
        expect(tokenOf(await vault.load("example.com"))).toBe(newest)
        expect((await vault.verify()).defects).toEqual([])
      }
    },
  )
})

async function failureOf(work: () => Promise<unknown> | undefined): Promise<{ code: string; text: string }> {
  try {
    await work()
    return { code: "none", text: "" }
  } catch (error) {
    return { code: isPspError(error) ? error.code : "unknown", text: inspect(error, { depth: null, showHidden: true }) }
  }
}
