import { spawn } from "node:child_process"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { maxObjectBytes, type Provider } from "../../../shared/provider.js"
import { createS3Provider, type S3Options } from "../../../shared/providers/s3.js"
import { listAll, testObject } from "../../contracts/provider-contract.js"
import { everythingIn } from "../../error-text.js"
import { startS3StandIn, type S3Fault, type S3StandIn } from "../../servers/s3-stand-in.js"

/** How often each fault is injected: once with all tests, more often where faults are counted. */
const rounds = Number(process.env["PSP_FAULT_ROUNDS"] ?? 1)
const eachRound = Array.from({ length: rounds }, (_, i) => i + 1)

const credentials = { accessKeyId: "CANARYKEYID", secretAccessKey: "canary-secret", sessionToken: "canary-token" }
const { name, bytes } = testObject("v/s", 50_000)

/** ms. Only for what never answers: on a busy machine an answer may take as long. */
const impatient = { connect: 150, idle: 150 }

describe("s3 provider, over a stand-in that fails on demand", () => {
  let standIn: S3StandIn
  let provider: Provider

  beforeEach(async () => {
    // The waits between tries are random up to a bound, and tested with `withRetries`: here each is as short as it may be.
    vi.spyOn(Math, "random").mockReturnValue(0)
    standIn = await startS3StandIn()
    provider = open()
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await provider.close?.()
    await standIn.dispose()
  })

  function open(options: Partial<S3Options> = {}): Provider {
    const { endpoint } = standIn
    return createS3Provider({ bucket: "b00", endpoint, region: "r", pathStyle: true, credentials, ...options })
  }

  const answer = (status: number, code?: string): S3Fault => ({
    kind: "answer",
    status,
    ...(code === undefined ? {} : { code }),
  })
  const countOf = (method: string) => standIn.requests.filter((request) => request.method === method).length

  const passing: [string, S3Fault][] = [
    ["500 InternalError", answer(500, "InternalError")],
    ["500 without a word", answer(500)],
    ["502 of a proxy", { kind: "answer", status: 502, body: "<html>Bad Gateway</html>" }],
    ["503 SlowDown", answer(503, "SlowDown")],
    ["503 ServiceUnavailable", answer(503, "ServiceUnavailable")],
    ["429 TooManyRequests", answer(429, "TooManyRequests")],
    ["409 ConditionalRequestConflict", answer(409, "ConditionalRequestConflict")],
    ["400 RequestTimeout", answer(400, "RequestTimeout")],
    ["400 BadDigest", answer(400, "BadDigest")],
    ["a silence", { kind: "silence" }],
    ["an answer that is lost", { kind: "lost-answer" }],
  ]

  describe.each(passing)("%s", (_, fault) => {
    beforeEach(() => {
      if (fault.kind === "silence") provider = open({ patience: impatient })
    })

    it.each(eachRound)("is waited out by put, get, list and remove (round %i)", async () => {
      standIn.faults = [fault, fault]
      await provider.put(name, bytes)
      expect(standIn.objects.get(name)?.body).toEqual(Buffer.from(bytes))
      standIn.faults = [fault]
      expect(await provider.get(name)).toEqual(bytes)
      standIn.faults = [fault]
      expect(await listAll(provider, "")).toEqual([{ name, size: bytes.length }])
      standIn.faults = [fault]
      await provider.remove(name)
      expect(standIn.objects.size).toBe(0)
    })

    it("is tried five times and then told", async () => {
      standIn.faults = Array.from({ length: 20 }, () => fault)
      const code = expect.stringMatching(/^(?:unreachable|rate-limited)$/) as unknown
      await expect(provider.get(name)).rejects.toMatchObject({ name: "PspError", code })
      expect(standIn.requests).toHaveLength(5)
    })
  })

  it("says `rate-limited` where the store keeps asking for fewer requests", async () => {
    standIn.faults = Array.from({ length: 5 }, () => answer(503, "SlowDown"))
    await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "rate-limited" })
  })

  it("gives up at once where the store asks for a longer wait than there is time", async () => {
    standIn.faults = [{ kind: "answer", status: 503, code: "SlowDown", headers: { "retry-after": "120" } }]
    await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "rate-limited" })
    expect(standIn.requests).toHaveLength(1)
  })

  it.each([
    [403, "AccessDenied", "denied"],
    [403, "ExpiredToken", "denied"],
    [403, "RequestTimeTooSkewed", "denied"],
    [403, "InvalidObjectState", "denied"],
    [401, undefined, "denied"],
    [403, "QuotaExceeded", "full"],
    [400, "EntityTooLarge", "full"],
    [507, "InsufficientStorage", "full"],
    [507, undefined, "full"],
    [404, "NoSuchBucket", "bad-config"],
    [400, "InvalidBucketName", "bad-config"],
    [400, "InvalidRequest", "bad-config"],
    [400, "KMS.NotFoundException", "denied"],
    [405, "MethodNotAllowed", "bad-config"],
  ])("never tries %i %s again, and says `%s`", async (status, storeCode, code) => {
    for (const call of [() => provider.put(name, bytes), () => provider.get(name), () => listAll(provider, "")]) {
      standIn.requests = []
      standIn.faults = [answer(status, storeCode)]
      await expect(call()).rejects.toMatchObject({ name: "PspError", code })
      expect(standIn.requests).toHaveLength(1)
    }
  })

  it("names the region that the bucket is in", async () => {
    standIn.faults = [
      { kind: "answer", status: 301, code: "PermanentRedirect", headers: { "x-amz-bucket-region": "eu-west-1" } },
    ]
    await expect(provider.get(name)).rejects.toMatchObject({
      code: "bad-config",
      message: expect.stringContaining("name it with region=; it is in eu-west-1 (PermanentRedirect, 301)") as unknown,
    })
  })

  it("does not take what is no S3 store for one that is empty", async () => {
    const html: S3Fault = { kind: "answer", status: 200, body: "<html><body>Log in to the network</body></html>" }
    const missing: S3Fault = { kind: "answer", status: 404, body: "<html>Not Found</html>" }
    const wrong = { code: "bad-config", message: expect.stringContaining("is no S3 store") as unknown }
    for (const [fault, call] of [
      [html, () => listAll(provider, "")],
      [html, () => provider.put(name, bytes)],
      [html, () => provider.check?.()],
      [missing, () => provider.get(name)],
      [missing, () => provider.remove(name)],
    ] as const) {
      standIn.faults = [fault]
      await expect(Promise.resolve(call())).rejects.toMatchObject(wrong)
    }
  })

  describe("create-if-absent", () => {
    it.each(eachRound)("takes 412 over the same bytes as success, over others as `corrupt` (round %i)", async () => {
      await provider.put(name, bytes)
      await provider.put(name, bytes)
      await expect(provider.put(name, Uint8Array.of(1))).rejects.toMatchObject({ code: "corrupt" })
      expect(standIn.objects.get(name)?.body).toEqual(Buffer.from(bytes))
      expect(standIn.requests.filter(({ method }) => method === "PUT")).toHaveLength(3)
    })

    it.each(eachRound)("is asked again after 409, up to success (round %i)", async () => {
      standIn.faults = [1, 2, 3, 4].map(() => answer(409, "ConditionalRequestConflict"))
      await provider.put(name, bytes)
      expect(countOf("PUT")).toBe(5)
      expect(standIn.requests.every(({ headers }) => headers["if-none-match"] === "*")).toBe(true)
    })

    it("that succeeded without an answer is success", async () => {
      standIn.faults = [{ kind: "lost-answer" }]
      await provider.put(name, bytes)
      expect(standIn.requests.map(({ method }) => method)).toEqual(["PUT", "PUT", "GET"])
    })

    it("is tried again where the object goes between the refusal and the look", async () => {
      standIn.faults = [answer(412, "PreconditionFailed")]
      await provider.put(name, bytes)
      expect(standIn.objects.has(name)).toBe(true)
    })

    it("that the store ignores does no harm to the same bytes, and is told by `warnings`", async () => {
      standIn.condition = "ignores"
      await provider.put(name, bytes)
      await provider.put(name, bytes)
      expect(await provider.get(name)).toEqual(bytes)
      expect(await provider.warnings?.()).toMatchObject([{ code: "not-create-only" }])
      expect([...standIn.objects.keys()]).toEqual([name])
    })

    it("that the store refuses becomes a look and a put, also for the next objects, and is told by `warnings`", async () => {
      standIn.condition = "refuses"
      const second = testObject("v/s", 2)
      await provider.put(name, bytes)
      await provider.put(name, bytes)
      await provider.put(second.name, second.bytes)
      await expect(provider.put(name, Uint8Array.of(1))).rejects.toMatchObject({ code: "corrupt" })
      expect(await provider.get(name)).toEqual(bytes)
      const methods = standIn.requests.map(({ method }) => method).join(" ")
      expect(methods).toBe("PUT GET PUT GET GET PUT GET GET")
      expect(await provider.warnings?.()).toMatchObject([{ code: "not-create-only" }])
    })

    it("is not given up for a 501 that has another reason", async () => {
      standIn.faults = [answer(501, "NotImplemented"), null, answer(501, "NotImplemented")]
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "bad-config" })
      standIn.requests = []
      await provider.put(name, bytes)
      expect(standIn.requests.map(({ headers }) => headers["if-none-match"])).toEqual(["*"])
    })
  })

  describe("the body of an object", () => {
    const percents = [0, 1, 10, 25, 50, 75, 90, 99]
    beforeEach(() => provider.put(name, bytes))

    const eachPercent = percents.flatMap((percent) => eachRound.map((round) => ({ percent, round })))

    it.each(eachPercent)("that is cut at $percent % is read again (round $round)", async ({ percent }) => {
      standIn.faults = [{ kind: "cut", percent }]
      expect(await provider.get(name)).toEqual(bytes)
      standIn.faults = Array.from({ length: 5 }, () => ({ kind: "cut", percent }))
      await expect(provider.get(name)).rejects.toMatchObject({ code: "unreachable" })
      expect(standIn.faults).toEqual([])
    })

    it.each(eachPercent)("that stalls at $percent % is read again (round $round)", async ({ percent }) => {
      provider = open({ patience: impatient })
      standIn.faults = [{ kind: "stall", percent }]
      expect(await provider.get(name)).toEqual(bytes)
      expect(standIn.requests.map(({ method }) => method)).toEqual(["PUT", "GET", "GET"])
    })

    it.each([{ kind: "flip" }, { kind: "wrong-checksum" }, ...percents.map((percent) => ({ kind: "short", percent }))])(
      "that does not have its checksum is `corrupt`, at once: $kind $percent",
      async (fault) => {
        for (const round of eachRound) {
          standIn.requests = []
          standIn.faults = [fault as S3Fault]
          await expect(provider.get(name), `round ${round}`).rejects.toMatchObject({ code: "corrupt" })
          expect(standIn.requests).toHaveLength(1)
        }
      },
    )

    it("that says it is larger than any object is not read", async () => {
      standIn.faults = [{ kind: "length", length: maxObjectBytes + 1 }]
      await expect(provider.get(name)).rejects.toMatchObject({ code: "corrupt" })
      expect(standIn.requests).toHaveLength(2)
    })

    it("is let go of when the call is called off in the middle of it", async () => {
      const controller = new AbortController()
      provider = open({ patience: { connect: 5_000, idle: 60_000 } })
      standIn.faults = [{ kind: "stall", percent: 50 }]
      const reading = provider.get(name, { signal: controller.signal })
      await expect.poll(() => standIn.requests.length).toBe(2)
      controller.abort()
      await expect(reading).rejects.toMatchObject({ code: "aborted" })
    })
  })

  it("stops with `aborted` when it is called off while the store is silent, and while it waits", async () => {
    provider = open({ patience: { connect: 5_000, idle: 60_000 } })
    for (const fault of [
      { kind: "silence" },
      { kind: "answer", status: 503, code: "SlowDown", headers: { "retry-after": "50" } },
    ] satisfies S3Fault[]) {
      for (const call of [
        (signal: AbortSignal) => provider.put(name, bytes, { signal }),
        (signal: AbortSignal) => provider.get(name, { signal }),
        (signal: AbortSignal) => listAll(provider, "", signal),
        (signal: AbortSignal) => provider.remove(name, { signal }),
        (signal: AbortSignal) => Promise.resolve(provider.check?.({ signal })),
      ]) {
        standIn.requests = []
        standIn.faults = [fault]
        const controller = new AbortController()
        const called = call(controller.signal)
        await expect.poll(() => standIn.requests.length).toBe(1)
        controller.abort()
        await expect(called).rejects.toMatchObject({ name: "PspError", code: "aborted" })
      }
    }
  })

  it("stops with `aborted` while credentials are looked for, which hear no signal", async () => {
    const search = vi.fn(() => new Promise<never>(() => undefined))
    provider = open({ credentials: search })
    const controller = new AbortController()
    const reading = provider.get(name, { signal: controller.signal })
    await vi.waitFor(() => expect(search).toHaveBeenCalled())
    controller.abort()
    await expect(reading).rejects.toMatchObject({ code: "aborted" })
  })

  it("says `unreachable` where no connection comes to be", async () => {
    const { port, dispose } = await startDeafServer()
    provider = open({ endpoint: `http://127.0.0.1:${port}`, patience: impatient })
    await expect(provider.get(name)).rejects.toMatchObject({ code: "unreachable" })
    await dispose()
  })

  it("asks for the encryption that its options say", async () => {
    const encryptions = [
      [{ kind: "AES256" }, "AES256", undefined],
      [{ kind: "aws:kms" }, "aws:kms", undefined],
      [{ kind: "aws:kms:dsse", keyId: "alias/psp" }, "aws:kms:dsse", "alias/psp"],
    ] as const
    for (const [encryption, kind, keyId] of encryptions) {
      await open({ encryption }).put(testObject(`v/${kind.replaceAll(":", "-").toLowerCase()}`).name, bytes)
      const headers = standIn.requests.at(-1)?.headers ?? {}
      expect(headers["x-amz-server-side-encryption"]).toBe(kind)
      expect(headers["x-amz-server-side-encryption-aws-kms-key-id"]).toBe(keyId)
    }
  })

  it("sends checksums, and none to a store that cannot have them", async () => {
    await provider.put(name, bytes)
    const second = testObject("v/s", 2)
    await open({ checksums: "when-required" }).put(second.name, second.bytes)
    expect(standIn.requests.map(({ headers }) => typeof headers["x-amz-checksum-crc32"])).toEqual([
      "string",
      "undefined",
    ])
  })

  it("never tells credentials in an error, whatever the store repeats", async () => {
    const echo = "CANARYKEYID canary-token canary-secret"
    for (const status of [301, 400, 403, 404, 409, 412, 500, 501, 503]) {
      const body = `<Error><Code>SignatureDoesNotMatch ${echo}</Code><Message>${echo}</Message><StringToSign>${echo}</StringToSign></Error>`
      for (const call of [() => provider.put(name, bytes), () => provider.get(name), () => listAll(provider, "")]) {
        standIn.faults = Array.from({ length: 12 }, () => ({
          kind: "answer",
          status,
          body,
          headers: { "x-amz-bucket-region": "canary-token!", "x-amz-request-id": echo },
        }))
        const error: unknown = await call().catch((thrown: unknown) => thrown)
        expect(everythingIn(error)).toContain("PspError")
        expect(everythingIn(error)).not.toMatch(/canary/i)
      }
    }
  })

  it("warns of http: to another machine", async () => {
    expect(await provider.warnings?.()).toEqual([])
    // An address of this machine that is not its loopback.
    const endpoint = standIn.endpoint.replace("127.0.0.1", "0.0.0.0")
    expect(await open({ endpoint }).warnings?.()).toMatchObject([{ code: "plain-http" }])
  })
})

/** Takes no connection: it is stopped, and the few that the system takes for it are there already. */
async function startDeafServer(): Promise<{ port: number; dispose: () => Promise<void> }> {
  const script = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] })
  const [line] = (await once(child.stdout, "data")) as [Buffer]
  const port = Number(line.toString())
  child.kill("SIGSTOP")
  const sockets: Socket[] = Array.from({ length: 6 }, () => connect(port, "127.0.0.1").on("error", () => undefined))
  await once(sockets[0] ?? connect(port), "connect")
  return {
    port,
    dispose: async () => {
      for (const socket of sockets) socket.destroy()
      child.kill("SIGKILL")
      await once(child, "exit")
    },
  }
}
