import { spawnSync } from "node:child_process"
import { writeFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { parseRedisAddress } from "../../native-host/redis-address.js"
import { createRedisProvider } from "../../native-host/redis-provider.js"
import { openStore } from "../../native-host/stores.js"
import { temporaryFolder } from "./bundle.js"

describe("the address of a Redis store", () => {
  it("names server, user, password, database and prefix", () => {
    expect(parseRedisAddress({ url: "redis://ada:p%40s%2Fs%25@redis.example:6380/3?prefix=team.a" })).toEqual({
      hostname: "redis.example",
      port: 6380,
      tls: null,
      username: "ada",
      password: "p@s/s%",
      database: 3,
      prefix: "team.a",
    })
  })

  it("leaves out what is usual", () => {
    const usual = { port: 6379, tls: null, username: null, password: null, database: 0, prefix: "psp" }
    expect(parseRedisAddress({ url: "redis://localhost" })).toEqual({ ...usual, hostname: "localhost" })
    expect(parseRedisAddress({ url: "redis://[::1]/" })).toEqual({ ...usual, hostname: "::1" })
    expect(parseRedisAddress({ url: "redis://:secret@h" })).toEqual({ ...usual, hostname: "h", password: "secret" })
    expect(parseRedisAddress({ url: "rediss://h" })).toEqual({ ...usual, hostname: "h", tls: { ca: null } })
  })

  it.skipIf(process.platform === "win32")(
    "takes no certificate from a pipe, a device, a folder or a huge file",
    async () => {
      const dir = await temporaryFolder()
      onTestFinished(() => rm(dir, { recursive: true }))
      spawnSync("mkfifo", [join(dir, "pipe")])
      await writeFile(join(dir, "empty"), "")
      await writeFile(join(dir, "huge"), Buffer.alloc(1024 * 1024 + 1, 65))
      await writeFile(join(dir, "large"), Buffer.alloc(1024 * 1024, 65))
      for (const path of [join(dir, "pipe"), "/dev/zero", dir, join(dir, "empty"), join(dir, "huge")]) {
        const url = `rediss://h/?ca=${encodeURIComponent(path)}`
        expect(() => parseRedisAddress({ url }), path).toThrow(/what \?ca= names is no certificate/)
      }
      const url = `rediss://h/?ca=${encodeURIComponent(join(dir, "large"))}`
      expect(parseRedisAddress({ url }).tls?.ca).toHaveLength(1024 * 1024)
    },
  )

  it("reads the certificate that it names, and takes one given as text before it", async () => {
    const dir = await temporaryFolder()
    const file = join(dir, "ca.pem")
    await writeFile(file, "PEM of the file")
    const url = `rediss://h/?ca=${encodeURIComponent(file)}`
    expect(parseRedisAddress({ url }).tls).toEqual({ ca: "PEM of the file" })
    expect(parseRedisAddress({ url, ca: "PEM given" }).tls).toEqual({ ca: "PEM given" })
    await rm(dir, { recursive: true })
  })

  it.each([
    "http://ada:hunter2@h",
    "redis:",
    "redis:///1?password=hunter2",
    "redis://ada:hunter2@",
    "redis://ada:hunter2@h:hunter2",
    "redis://ada:hunter2@h/hunter2",
    "redis://ada:hunter2@h/1/2",
    "redis://ada:hunter2@h/-1",
    "redis://ada:hunter2%@h",
    "redis://ada:hunter2@h?hunter2=1",
    "redis://ada:hunter2@h?prefix=hunter2*",
    "redis://ada:hunter2@h?prefix=a/hunter2",
    "redis://ada:hunter2@h?prefix=",
    "redis://ada:hunter2@h?ca=hunter2",
    "rediss://ada:hunter2@h?ca=/nowhere/hunter2",
  ])("refuses %s when it is opened, in words without the password", async (url) => {
    const fault = await Promise.resolve()
      .then(() => createRedisProvider({ url }))
      .catch((error: unknown) => error)
    expect(fault).toMatchObject({ name: "PspError", code: "bad-config" })
    expect(textOf(fault)).not.toContain("hunter2")
  })

  it("is one of those that stores are opened by", async () => {
    const provider = await openStore("rediss://ada:secret@127.0.0.1:1/2?prefix=x")
    await provider.close?.()
    await expect(openStore("redis://h/x")).rejects.toMatchObject({ code: "bad-config" })
  })
})

/** All that an error could show anywhere. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return [
    error.message,
    error.stack,
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    textOf(error.cause),
  ].join()
}
