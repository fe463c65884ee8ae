import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3"
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import { openStore } from "../../../native-host/stores.js"
import type { Provider } from "../../../shared/provider.js"
import { createS3Provider, type S3Options } from "../../../shared/providers/s3.js"
import { describeProviderAtScale } from "../../contracts/provider-at-scale.js"
import { describeProvider, listAll, testObject } from "../../contracts/provider-contract.js"
import { everythingIn } from "../../error-text.js"
import { hasCeph, needsCeph, startCeph, type S3Server } from "../../servers/ceph.js"

describe.skipIf(!hasCeph)(`over a Ceph Object Gateway (${needsCeph})`, () => {
  let server: S3Server
  let admin: S3Client
  let buckets = 0
  const providers: Provider[] = []

  beforeAll(async () => {
    server = await startCeph()
    const { endpoint, region, credentials } = server
    admin = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  }, 120_000)
  afterEach(async () => {
    for (const provider of providers.splice(0)) await provider.close?.()
    vi.unstubAllEnvs()
  })
  afterAll(async () => {
    admin.destroy()
    await server.dispose()
  })

  async function freshBucket(): Promise<string> {
    const bucket = `psp-test-${++buckets}`
    await admin.send(new CreateBucketCommand({ Bucket: bucket }))
    return bucket
  }

  function open(options: Partial<S3Options> & { bucket: string }): Provider {
    const { endpoint, region, credentials } = server
    const provider = createS3Provider({ endpoint, region, credentials, pathStyle: true, ...options })
    providers.push(provider)
    return provider
  }

  const inFreshBucket = { create: async () => ({ provider: open({ bucket: await freshBucket(), prefix: "team/a" }) }) }
  describeProvider("s3 provider", inFreshBucket)
  describeProviderAtScale("s3 provider", inFreshBucket)

  describe("s3 provider", () => {
    const { name, bytes } = testObject("v/s", 1000)

    it("keeps large objects whole", async () => {
      const provider = open({ bucket: await freshBucket() })
      const large = testObject("v/large", 12_000_000)
      await provider.put(large.name, large.bytes)
      await provider.put(large.name, large.bytes)
      const got = await provider.get(large.name)
      expect(got !== null && Buffer.compare(got, large.bytes) === 0).toBe(true)
      expect(await listAll(provider, "")).toEqual([{ name: large.name, size: 12_000_000 }])
    })

    it("sees nothing but its own prefix, also where others' begin alike", async () => {
      const bucket = await freshBucket()
      const [one, two, all] = [open({ bucket, prefix: "a" }), open({ bucket, prefix: "a-b" }), open({ bucket })]
      await one.put(name, bytes)
      expect(await two.get(name)).toBeNull()
      expect(await listAll(two, "")).toEqual([])
      await two.remove(name)
      expect(await listAll(one, "")).toEqual([{ name, size: 1000 }])
      expect(await listAll(all, "")).toEqual([{ name: `a/${name}`, size: 1000 }])
    })

    it("passes over what others put into the bucket, whatever it is called", async () => {
      const bucket = await freshBucket()
      for (const Key of ["READ ME", "a\u0001b", "ü/%41+<&>", "v/.hidden", "v/s/", "..", "v//s"]) {
        await admin.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
      }
      const provider = open({ bucket })
      await provider.put(name, bytes)
      expect(await listAll(provider, "")).toEqual([{ name, size: 1000 }])
    })

    it("never takes a missing bucket for missing objects", async () => {
      const provider = open({ bucket: "nowhere-to-be-found" })
      const missing = {
        name: "PspError",
        code: "bad-config",
        message: expect.stringMatching(
          /: there is no such bucket; make it, or name another \(NoSuchBucket, 404\)$/,
        ) as unknown,
      }
      await expect(provider.get(name)).rejects.toMatchObject(missing)
      await expect(provider.put(name, bytes)).rejects.toMatchObject(missing)
      await expect(listAll(provider, "")).rejects.toMatchObject(missing)
      await expect(provider.remove(name)).rejects.toMatchObject(missing)
      await expect(provider.check?.()).rejects.toMatchObject(missing)
      await expect(provider.warnings?.()).rejects.toMatchObject(missing)
    })

    it.each([
      ["a key that the store does not know", { accessKeyId: "UNKNOWNKEYID", secretAccessKey: "canary-secret" }],
      ["a wrong secret", { accessKeyId: "PSPTESTACCESSKEY", secretAccessKey: "canary-secret" }],
    ])("says `denied` for %s, and neither key nor secret", async (_, credentials) => {
      const provider = open({ bucket: await freshBucket(), credentials })
      for (const call of [() => provider.put(name, bytes), () => provider.get(name), () => provider.check?.()]) {
        const error: unknown = await Promise.resolve(call()).catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({
          code: "denied",
          message: expect.stringContaining("does not take these credentials") as unknown,
        })
        expect(everythingIn(error)).not.toMatch(/canary-secret|UNKNOWNKEYID|PSPTESTACCESSKEY/)
      }
    })

    it("says `denied` where the credentials are good and the bucket is another's", async () => {
      const credentials = { accessKeyId: "PSPGUESTKEY", secretAccessKey: "secret-of-the-guest" }
      await server.admin(
        ...["user", "create", "--uid", "guest", "--display-name", "guest"],
        ...["--access-key", credentials.accessKeyId, "--secret-key", credentials.secretAccessKey],
      )
      const provider = open({ bucket: await freshBucket(), credentials })
      const denied = { code: "denied", message: expect.stringContaining("may not do that here") as unknown }
      await expect(provider.put(name, bytes)).rejects.toMatchObject(denied)
      await expect(provider.get(name)).rejects.toMatchObject(denied)
      await expect(provider.check?.()).rejects.toMatchObject(denied)
    })

    it("says `full`, at once, where a quota is used up", async () => {
      const bucket = await freshBucket()
      await server.admin("quota", "set", "--quota-scope", "bucket", "--bucket", bucket, "--max-objects", "1")
      await server.admin("quota", "enable", "--quota-scope", "bucket", "--bucket", bucket)
      const provider = open({ bucket })
      await provider.put(name, bytes)
      const started = performance.now()
      const second = testObject("v/s", 2)
      await expect(provider.put(second.name, second.bytes)).rejects.toMatchObject({ code: "full" })
      // Five tries wait for a second and more.
      expect(performance.now() - started).toBeLessThan(1000)
      expect(await provider.get(name)).toEqual(bytes)
    })

    it("says `unreachable` where nobody listens", async () => {
      const provider = open({ bucket: "psp-test-any", endpoint: "http://127.0.0.1:9" })
      await expect(provider.get(name)).rejects.toMatchObject({
        code: "unreachable",
        message: expect.stringContaining("(ECONNREFUSED)") as unknown,
      })
    })

    it("says what is wrong with an endpoint that does not speak TLS", async () => {
      const provider = open({ bucket: "psp-test-any", endpoint: server.endpoint.replace("http:", "https:") })
      await expect(provider.get(name)).rejects.toMatchObject({
        code: "bad-config",
        message: expect.stringContaining("is the endpoint http:?") as unknown,
      })
    })

    it("has no warnings about a store that keeps to create-if-absent, and leaves no trial behind", async () => {
      const bucket = await freshBucket()
      expect(await open({ bucket, prefix: "p" }).warnings?.()).toEqual([])
      await expect(isEmpty(bucket)).resolves.toBe(true)
    })

    it("is opened by its address, with the credentials and the region of the AWS tools", async () => {
      const bucket = await freshBucket()
      const { accessKeyId, secretAccessKey } = server.credentials
      vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId)
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey)
      const endpoint = encodeURIComponent(server.endpoint)
      for (const query of [`region=eu-west-1`, ``]) {
        const provider = await openStore(`s3://${bucket}/team?endpoint=${endpoint}&pathStyle=1&${query}`)
        providers.push(provider)
        await provider.put(name, bytes)
        expect(await provider.get(name)).toEqual(bytes)
      }
      expect(await listAll(open({ bucket }), "")).toEqual([{ name: `team/${name}`, size: 1000 }])
    })

    it("says `denied` where there are no credentials at all", async () => {
      for (const variable of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"])
        vi.stubEnv(variable, undefined)
      vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
      vi.stubEnv("AWS_CONFIG_FILE", "/nowhere/config")
      vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true")
      const provider = await openStore(`s3://psp-test-any?endpoint=${encodeURIComponent(server.endpoint)}&region=x`)
      await expect(provider.check?.()).rejects.toMatchObject({
        code: "denied",
        message: expect.stringContaining("found no credentials") as unknown,
      })
    })

    it("can be used by path where the bucket's own hostname does not exist", async () => {
      const bucket = await freshBucket()
      const endpoint = server.endpoint.replace("127.0.0.1", "localhost")
      await open({ bucket, endpoint, pathStyle: true }).put(name, bytes)
      expect(await open({ bucket }).get(name)).toEqual(bytes)
    })
  })

  async function isEmpty(bucket: string): Promise<boolean> {
    const stats = JSON.parse(await server.admin("bucket", "list", "--bucket", bucket)) as unknown[]
    return stats.length === 0
  }
})
