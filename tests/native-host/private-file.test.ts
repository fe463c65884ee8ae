import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { refuseForeign, writePrivateFile } from "../../native-host/private-file.js"
import { temporaryFolder } from "./bundle.js"

let dir: string
beforeEach(async () => {
  dir = await temporaryFolder()
})
afterEach(() => rm(dir, { recursive: true, force: true }))

describe("private file", () => {
  it("is readable by this user only, in a folder that is too", async () => {
    const path = join(dir, "a", "secret")
    await writePrivateFile(path, "one")
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(dir, "a"))).mode & 0o777).toBe(0o700)
  })

  it("replaces a file whole, also one that others could read, and leaves nothing beside it", async () => {
    const path = join(dir, "secret")
    await writeFile(path, "old and longer", { mode: 0o644 })
    await writePrivateFile(path, Uint8Array.of(0x6e, 0x65, 0x77))
    expect(await readFile(path, "utf8")).toBe("new")
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(dir)).toEqual(["secret"])
  })

  it.skipIf(process.platform === "win32")("of another user, or that others may read, is refused with its cure", () => {
    const uid = process.getuid?.() ?? 0
    const refusalOf = (stats: { uid: number; mode: number }) => () => refuseForeign(stats, "/a/secret", "identity")
    expect(refusalOf({ uid, mode: 0o100600 })).not.toThrow()
    expect(refusalOf({ uid: uid + 1, mode: 0o100600 })).toThrow(
      expect.objectContaining({
        code: "unsafe-permissions",
        message: expect.stringContaining('run: chown "$USER" /a/secret') as string,
      }),
    )
    for (const mode of [0o100640, 0o100604, 0o100620]) {
      expect(refusalOf({ uid, mode })).toThrow(
        expect.objectContaining({
          code: "unsafe-permissions",
          message: expect.stringContaining("run: chmod 600 /a/secret") as string,
        }),
      )
    }
  })

  it("replaces a symbolic link instead of writing through it", async () => {
    await writeFile(join(dir, "target"), "untouched")
    await symlink(join(dir, "target"), join(dir, "secret"))
    await writePrivateFile(join(dir, "secret"), "new")
    expect(await readFile(join(dir, "target"), "utf8")).toBe("untouched")
    expect(await readFile(join(dir, "secret"), "utf8")).toBe("new")
  })

  it("leaves what was there when it fails", async () => {
    await mkdir(join(dir, "secret", "inside"), { recursive: true })
    await expect(writePrivateFile(join(dir, "secret"), "new")).rejects.toThrow()
    expect(await readdir(dir)).toEqual(["secret"])
    expect(await readdir(join(dir, "secret"))).toEqual(["inside"])
  })
})
