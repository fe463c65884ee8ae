import { chmod, mkdir, readdir, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { inspect } from "node:util"
import { beforeEach, describe, expect, it } from "vitest"
import {
  credentialNames,
  credentialsPath,
  keepCredentials,
  readCredentials,
  readStoreCredentials,
} from "../../native-host/credentials.js"
import { temporaryFolder } from "./bundle.js"

const canary = "canary-S3CRET"
const place = "redis://ada@h:6379"

let home: string
beforeEach(async () => {
  home = await temporaryFolder()
  return () => rm(home, { recursive: true })
})

describe("the credentials file", () => {
  it("is readable by this user only, in a folder that is too, and nothing lies beside it", async () => {
    const folder = join(home, "new")
    await keepCredentials(folder, place, { password: canary })
    expect((await stat(credentialsPath(folder))).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect(await readdir(folder)).toEqual(["credentials.json"])
  })

  it("gives to a store what was kept for its place, and nothing to another", async () => {
    await keepCredentials(home, place, { password: canary })
    expect(await readStoreCredentials(home, "redis://ada@h/7?prefix=x")).toEqual({ password: canary })
    for (const address of ["redis://ada@evil", "redis://eve@h", "rediss://ada@h", "s3://bucket", "memory:"]) {
      expect(await readStoreCredentials(home, address)).toEqual({})
    }
    expect(await readStoreCredentials(null, "redis://ada@h")).toEqual({})
  })

  it("keeps more of one place beside what is there, replaces, and forgets", async () => {
    await keepCredentials(home, "s3://bucket", { accessKeyId: "A" })
    await keepCredentials(home, "s3://bucket", { secretAccessKey: "B", sessionToken: "C" })
    await keepCredentials(home, "s3://bucket", { accessKeyId: "D", sessionToken: null })
    await keepCredentials(home, place, { password: canary })
    expect(await readStoreCredentials(home, "s3://bucket")).toEqual({ accessKeyId: "D", secretAccessKey: "B" })
    await keepCredentials(home, place, { password: null })
    expect([...(await readCredentials(home)).keys()]).toEqual(["s3://bucket"])
  })

  it("is empty where there is none", async () => {
    expect(await readCredentials(home)).toEqual(new Map())
  })

  it.skipIf(process.platform === "win32")("that others may read is refused, also to be written again", async () => {
    await writeFile(credentialsPath(home), JSON.stringify({ [place]: { password: canary } }))
    for (const mode of [0o640, 0o604, 0o660]) {
      await chmod(credentialsPath(home), mode)
      await expect(readCredentials(home)).rejects.toMatchObject({ code: "unsafe-permissions" })
      await expect(keepCredentials(home, "s3://b", { accessKeyId: "A" })).rejects.toMatchObject({
        code: "unsafe-permissions",
      })
    }
  })

  it("that is a link or a folder is refused", async () => {
    await writeFile(join(home, "target"), "{}", { mode: 0o600 })
    await symlink(join(home, "target"), credentialsPath(home))
    await expect(readCredentials(home)).rejects.toMatchObject({ code: "bad-config" })
    await rm(credentialsPath(home))
    await mkdir(credentialsPath(home))
    await expect(readCredentials(home)).rejects.toMatchObject({ code: "bad-config" })
  })

  it.each([
    [`{"${place}":{"password":"${canary}"`, "it is not JSON"],
    [canary, "it is not JSON"],
    [`["${canary}"]`, "expected an object"],
    [`{"${place}":"${canary}"}`, "expected an object"],
    [`{"${place}":{"password":["${canary}"]}}`, "expected a text as password"],
    [`{"${place}":{"password":""}}`, "expected a text as password"],
  ])("%# that is damaged is told without a word of what is in it", async (text, why) => {
    await writeFile(credentialsPath(home), text, { mode: 0o600 })
    const fault: unknown = await readCredentials(home).catch((error: unknown) => error)
    expect(fault).toMatchObject({ name: "PspError", code: "bad-config" })
    expect(String(fault)).toContain(why)
    expect(inspect(fault, { depth: 9, showHidden: true })).not.toContain(canary)
  })

  it("knows what each kind of store asks for", () => {
    expect(credentialNames("rediss://h")).toEqual(["password"])
    expect(credentialNames("s3://b")).toEqual(["accessKeyId", "secretAccessKey", "sessionToken"])
    expect(credentialNames("cloudflare-kv://a/n")).toEqual(["token"])
    expect(credentialNames("file:///dir")).toEqual([])
  })
})
