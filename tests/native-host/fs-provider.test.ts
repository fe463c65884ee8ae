import { spawn, spawnSync } from "node:child_process"
import { faultCount, faultTimeout } from "../fault-count.js"
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises"
import * as realFs from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { FileSystem } from "../../native-host/fs-nofollow.js"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { describeProviderAtScale } from "../contracts/provider-at-scale.js"
import { describeProvider, listAll, nameOf, testObject } from "../contracts/provider-contract.js"
import { bundle, temporaryFolder } from "./bundle.js"

const inFreshFolder = {
  create: async () => {
    const dir = await temporaryFolder()
    return { provider: createFsProvider(join(dir, "vault")), dispose: () => rm(dir, { recursive: true }) }
  },
  watches: true,
}

describeProvider("fs provider", inFreshFolder)
describeProviderAtScale("fs provider", inFreshFolder)

describe("fs provider", () => {
  let dir: string
  let vault: string
  const { name, bytes } = testObject("v/s")

  beforeEach(async () => {
    dir = await temporaryFolder()
    vault = join(dir, "vault")
  })
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true })
  })

  it("makes a missing folder, also one in missing folders", async () => {
    await createFsProvider(join(dir, "a", "b", "vault")).put(name, bytes)
    expect(await readFile(join(dir, "a", "b", "vault", name))).toEqual(Buffer.from(bytes))
  })

  it.each([0o000, 0o077, 0o277, 0o022])("gives files 0600 and folders 0700 under umask %i", async (umask) => {
    // The umask belongs to a process: a worker thread may not set it.
    const script = await bundle(dir, "put.mjs", [
      `import { createFsProvider } from "./native-host/fs-provider.js"`,
      `process.umask(${umask})`,
      `await createFsProvider(${JSON.stringify(vault)}).put(${JSON.stringify(name)}, Uint8Array.of(1))`,
    ])
    expect(spawnSync(process.execPath, [script], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" })
    const modes = await Promise.all(
      [vault, ...["v", "v/s", ".partial", name].map((part) => join(vault, part))].map(
        async (path) => (await stat(path)).mode & 0o7777,
      ),
    )
    expect(modes).toEqual([0o700, 0o700, 0o700, 0o700, 0o600])
  })

  it("leaves no temporary after a put, and removes a session's folder with its last object", async () => {
    const provider = createFsProvider(vault)
    await provider.put(name, bytes)
    expect(await readdir(join(vault, ".partial"))).toEqual([])
    await provider.remove(name)
    expect(await readdir(vault)).toEqual([".partial"])
  })

  it("refuses a path that is relative", () => {
    expect(() => createFsProvider("vault")).toThrow(expect.objectContaining({ code: "bad-config" }))
  })

  it("refuses a directory that is a file, and one below a file", async () => {
    await writeFile(vault, "")
    for (const path of [vault, join(vault, "below")]) {
      const provider = createFsProvider(path)
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "bad-config" })
      await expect(provider.get(name)).rejects.toMatchObject({ code: "bad-config" })
      await expect(listAll(provider, "")).rejects.toMatchObject({ code: "bad-config" })
      await expect(provider.check?.()).rejects.toMatchObject({ code: "bad-config" })
    }
    expect(await readFile(vault, "utf8")).toBe("")
  })

  it("refuses a folder that everybody may write to, and takes it again once that is mended", async () => {
    await mkdir(vault)
    await chmod(vault, 0o777)
    const provider = createFsProvider(vault)
    await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "unsafe-permissions" })
    await expect(provider.check?.()).rejects.toThrow(`run: chmod 700 '${vault}'`)
    expect(await readdir(vault)).toEqual([])
    await chmod(vault, 0o700)
    await provider.put(name, bytes)
  })

  it.runIf(process.getuid?.() === 0)("refuses a folder that belongs to another user", async () => {
    await mkdir(vault, { mode: 0o700 })
    await chown(vault, 65534, 65534)
    await expect(createFsProvider(vault).put(name, bytes)).rejects.toMatchObject({ code: "unsafe-permissions" })
    expect(await readdir(vault)).toEqual([])
  })

  describe("and symbolic links", () => {
    let outside: string

    beforeEach(async () => {
      outside = join(dir, "outside")
      await mkdir(join(outside, "s"), { recursive: true })
      await writeFile(join(outside, "s", "secret"), "secret")
    })

    it("refuses a vault that is one", async () => {
      await symlink(outside, vault)
      await expect(createFsProvider(vault).put(name, bytes)).rejects.toMatchObject({ code: "bad-config" })
    })

    it.each([
      ["the outer folder", "v", "."],
      ["the inner folder", "v/s", "s"],
    ])("does not follow %s", async (_title, at, to) => {
      await mkdir(join(vault, at, ".."), { recursive: true, mode: 0o700 })
      await symlink(join(outside, to), join(vault, at))
      await writeFile(join(outside, "s", name.split("/").at(-1) ?? ""), bytes)
      const before = await readdir(outside, { recursive: true })
      const provider = createFsProvider(vault)
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "corrupt" })
      await expect(provider.get(name)).rejects.toMatchObject({ code: "corrupt" })
      await expect(provider.remove(name)).rejects.toMatchObject({ code: "corrupt" })
      expect(await listAll(provider, "")).toEqual([])
      expect(await readdir(outside, { recursive: true })).toEqual(before)
    })

    it("does not read, write or list through one in the place of an object", async () => {
      await mkdir(join(vault, "v", "s"), { recursive: true, mode: 0o700 })
      await symlink(join(outside, "s", "secret"), join(vault, name))
      const provider = createFsProvider(vault)
      await expect(provider.get(name)).rejects.toMatchObject({ code: "corrupt" })
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "corrupt" })
      expect(await listAll(provider, "")).toEqual([])
      await provider.remove(name)
      expect(await readFile(join(outside, "s", "secret"), "utf8")).toBe("secret")
      await provider.put(name, bytes)
      expect(await provider.get(name)).toEqual(bytes)
    })

    it("does not create through a dangling one, nor through one in place of the temporaries", async () => {
      await mkdir(join(vault, "v", "s"), { recursive: true, mode: 0o700 })
      await symlink(join(outside, "new"), join(vault, name))
      await expect(createFsProvider(vault).put(name, bytes)).rejects.toMatchObject({ code: "corrupt" })
      await rm(join(vault, name))
      await symlink(outside, join(vault, ".partial"))
      await expect(createFsProvider(vault).put(name, bytes)).rejects.toMatchObject({ code: "corrupt" })
      expect(await readdir(outside)).toEqual(["s"])
    })
  })

  it("is not held up by a FIFO or a folder in the place of an object", async () => {
    await mkdir(join(vault, "v", "s"), { recursive: true, mode: 0o700 })
    expect(spawnSync("mkfifo", [join(vault, name)]).status).toBe(0)
    const folder = testObject("v/s", 11)
    await mkdir(join(vault, folder.name))
    const provider = createFsProvider(vault)
    await expect(provider.get(name)).rejects.toMatchObject({ code: "corrupt" })
    await expect(provider.put(folder.name, folder.bytes)).rejects.toMatchObject({ code: "corrupt" })
    expect(await listAll(provider, "")).toEqual([])
  })

  it("reads the folder that is listed, and none of those beside or above it", async () => {
    await createFsProvider(vault).put("a/sessions/one/object", new Uint8Array(1))
    await createFsProvider(vault).put("a/sessions/two/object", new Uint8Array(1))
    const read: string[] = []
    const readdir = (path: string, options: { withFileTypes: true }) => (read.push(path), realFs.readdir(path, options))
    // Of the forms that readdir has, the provider uses this one.
    const fs: FileSystem = { ...realFs, readdir: readdir as FileSystem["readdir"] }
    const provider = createFsProvider(vault, { fs })
    expect(await listAll(provider, "")).toHaveLength(2)
    read.length = 0
    expect((await listAll(provider, "a/sessions/two/")).map(({ name }) => name)).toEqual(["a/sessions/two/object"])
    expect((await listAll(provider, "a/sessions/two/ob")).map(({ name }) => name)).toEqual(["a/sessions/two/object"])
    expect(new Set(read)).toEqual(new Set([join(vault, "a/sessions/two")]))
  })

  it("lists nothing through a symbolic link that stands above what is listed", async () => {
    await createFsProvider(join(dir, "elsewhere")).put("b/c/object", new Uint8Array(1))
    await createFsProvider(vault).put("a/object", new Uint8Array(1))
    await symlink(join(dir, "elsewhere"), join(vault, "link"))
    expect(await listAll(createFsProvider(vault), "link/b/")).toEqual([])
    expect(await listAll(createFsProvider(vault), "link/b/c/")).toEqual([])
  })

  it("makes the folder again when another process removed it with its last object", async () => {
    let isFirst = true
    const fs: FileSystem = {
      ...realFs,
      link: async (from, to) => {
        if (isFirst) await realFs.rmdir(join(vault, "v", "s"))
        isFirst = false
        await link(from, to)
      },
    }
    await createFsProvider(vault, { fs }).put(name, bytes)
    expect(await createFsProvider(vault).get(name)).toEqual(bytes)
  })

  it("says `unreachable` when the whole folder went away", async () => {
    const provider = createFsProvider(vault)
    await provider.check?.()
    await rm(vault, { recursive: true })
    await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "unreachable" })
  })

  it("leaves files that are no objects alone", async () => {
    const provider = createFsProvider(vault)
    await provider.put(name, bytes)
    for (const other of [".DS_Store", "README.TXT", "v/.nextcloud", "v/s/a b"]) await writeFile(join(vault, other), "x")
    expect((await listAll(provider, "")).map((object) => object.name)).toEqual([name])
    await provider.remove(name)
    expect(await readdir(join(vault, "v", "s"))).toEqual(["a b"])
  })

  it("sweeps the temporaries of dead processes at start, and no others", async () => {
    const partials = join(vault, ".partial")
    await mkdir(partials, { recursive: true, mode: 0o700 })
    const machine = hostname()
      .replace(/[^A-Za-z0-9]/g, "")
      .slice(0, 32)
    const dead = spawnSync(process.execPath, ["-e", ""]).pid
    const [ours, theirs] = [`${machine}-${dead}-x`, `other${machine}-${dead}-x`]
    const [living, old, unknown] = [`${machine}-${process.pid}-x`, `other${machine}-1-old`, "unknown"]
    for (const file of [ours, theirs, living, old, unknown]) await writeFile(join(partials, file), "half")
    await utimes(join(partials, old), 0, 0)
    await createFsProvider(vault).check?.()
    expect((await readdir(partials)).sort()).toEqual([living, theirs, unknown].sort())
  })

  it("stores where the file system has no hard links, and still never replaces", async () => {
    const fs: FileSystem = { ...realFs, link: () => Promise.reject(Object.assign(new Error(), { code: "EPERM" })) }
    const provider = createFsProvider(vault, { fs })
    await provider.put(name, bytes)
    await provider.put(name, bytes)
    await expect(provider.put(name, Uint8Array.of(1))).rejects.toMatchObject({ code: "corrupt" })
    expect(await provider.get(name)).toEqual(bytes)
    expect(await readdir(join(vault, ".partial"))).toEqual([])
  })

  it.each(["EPERM", "EINVAL", "ENOTSUP"])(
    "works on a network drive that has no modes, no hard links and no fsync of folders, and says %s",
    async (system) => {
      const fail = () => Promise.reject(Object.assign(new Error(system), { code: system }))
      const fs: FileSystem = {
        ...realFs,
        chmod: fail,
        link: () => Promise.reject(Object.assign(new Error(), { code: system === "EINVAL" ? "EPERM" : system })),
        open: async (path, flags, mode) => {
          const file = await realFs.open(path, flags, mode)
          const isFolder = (await file.stat()).isDirectory()
          return Object.assign(file, isFolder ? { sync: fail } : { chmod: fail })
        },
      }
      const provider = createFsProvider(vault, { fs })
      await provider.put(name, bytes)
      expect(await provider.get(name)).toEqual(bytes)
      expect((await stat(join(vault, name))).mode & 0o077).toBe(0)
      await provider.remove(name)
      expect(await listAll(provider, "")).toEqual([])
    },
  )

  it.each([
    ["ENOSPC", "full"],
    ["EDQUOT", "full"],
    ["EFBIG", "full"],
    ["EROFS", "denied"],
    ["EACCES", "denied"],
    ["EIO", "unreachable"],
    ["ESTALE", "unreachable"],
  ])("answers %s with `%s` at whichever step it comes, and leaves nothing half-written", async (system, code) => {
    const fail = () => Promise.reject(Object.assign(new Error(system), { code: system }))
    const steps = ["open", "writeFile", "sync", "close", "link"].filter((step) => step !== "close" || system === "EIO")
    for (const step of steps) {
      const fs: FileSystem = {
        ...realFs,
        link: step === "link" ? fail : link,
        open: async (path, flags, mode) => {
          const isPartial = String(path).includes(".partial/")
          if (isPartial && step === "open") return fail()
          const file = await realFs.open(path, flags, mode)
          const close = file.close.bind(file)
          if (isPartial && step === "close") file.close = () => close().then(fail)
          else if (isPartial && step !== "link") Object.assign(file, { [step]: fail })
          return file
        },
      }
      const provider = createFsProvider(vault, { fs })
      await expect(provider.put(name, bytes)).rejects.toMatchObject({ name: "PspError", code })
      expect(await createFsProvider(vault).get(name)).toBeNull()
      expect(await readdir(join(vault, ".partial")).catch(() => [])).toEqual([])
    }
  })

  it("acknowledges only after the file, the name and the folder are on the disk, in this order", async () => {
    const steps: string[] = []
    const fs: FileSystem = {
      ...realFs,
      link: async (from, to) => {
        steps.push("link")
        await link(from, to)
      },
      open: async (path, flags, mode) => {
        const file = await realFs.open(path, flags, mode)
        const sync = file.sync.bind(file)
        const what = String(path).includes(".partial/") ? "file" : String(path).slice(vault.length)
        file.sync = async () => {
          await sync()
          steps.push(`sync ${what}`)
        }
        return file
      },
    }
    const provider = createFsProvider(vault, { fs })
    await provider.check?.()
    steps.length = 0
    await provider.put(name, bytes)
    expect(steps).toEqual(["sync ", "sync /v", "sync ", "sync file", "link", "sync /v/s"])
    steps.length = 0
    await provider.put(name, bytes)
    expect(steps).toEqual(["sync /v/s"])
  })

  it("is called off between the write and the name, and leaves nothing", async () => {
    const controller = new AbortController()
    const fs: FileSystem = {
      ...realFs,
      open: async (path, flags, mode) => {
        const file = await realFs.open(path, flags, mode)
        if (String(path).includes(".partial/")) controller.abort()
        return file
      },
    }
    const put = createFsProvider(vault, { fs }).put(name, bytes, { signal: controller.signal })
    await expect(put).rejects.toMatchObject({ code: "aborted" })
    expect(await readdir(vault, { recursive: true })).not.toContain(name)
    expect(await readdir(join(vault, ".partial"))).toEqual([])
  })

  it(
    "survives kill -9 before every single step with the old or the new and never half",
    async () => {
      const next = testObject("v/s", 200_000)
      const script = await bundle(dir, "kill.mjs", [
        `import * as real from "node:fs/promises"`,
        `import { createFsProvider } from "./native-host/fs-provider.js"`,
        `let left = Number(process.argv[2])`,
        `const step = () => { if (left-- === 0) process.kill(process.pid, "SIGKILL") }`,
        `const watch = (object) => new Proxy(object, { get: (target, key) => {`,
        `  const value = target[key]`,
        `  if (typeof value !== "function") return value`,
        `  return async (...args) => { step(); const result = await value.apply(target, args); return key === "open" ? watch(result) : result }`,
        `} })`,
        `const bytes = Uint8Array.from({ length: ${next.bytes.length} }, (_, i) => 32 + ((i + ${next.bytes.length}) % 90))`,
        `await createFsProvider(${JSON.stringify(vault)}, { fs: watch({ ...real }) }).put(${JSON.stringify(next.name)}, bytes)`,
        `console.log("done")`,
      ])
      let kills = 0
      const found = new Set<string>()
      for (let step = 0; ;) {
        await rm(vault, { recursive: true, force: true })
        await createFsProvider(vault).put(name, bytes)
        const run = spawn(process.execPath, [script, String(step)], { stdio: "ignore" })
        const signal = await new Promise((resolve) => run.on("exit", (_code, how) => resolve(how)))

        const after = createFsProvider(vault)
        const got = await after.get(next.name)
        found.add(got === null ? "old" : "new")
        if (got !== null) expect(Buffer.compare(got, next.bytes)).toBe(0)
        expect(await after.get(name)).toEqual(bytes)
        expect((await listAll(after, "")).length).toBe(got === null ? 1 : 2)
        expect(await readdir(join(vault, ".partial"))).toEqual([])
        await after.put(next.name, next.bytes)
        step++
        if (signal === null && kills >= faultCount(1)) break
        if (signal === null) step = 0
        else kills++
      }
      expect(kills).toBeGreaterThan(15)
      expect(found).toEqual(new Set(["old", "new"]))
    },
    faultTimeout(60_000),
  )

  it("refuses a file larger than any object, before reading it", async () => {
    const provider = createFsProvider(vault)
    await provider.put(name, bytes)
    await realFs.truncate(join(vault, name), 97 * 1024 * 1024)
    await expect(provider.get(name)).rejects.toMatchObject({ code: "corrupt" })
    expect((await lstat(join(vault, name))).size).toBe(97 * 1024 * 1024)
  })

  it("never lists an object that another process is writing", async () => {
    await mkdir(join(vault, ".partial"), { recursive: true, mode: 0o700 })
    await writeFile(join(vault, ".partial", nameOf("x", bytes).split("/").at(-1) ?? ""), "half")
    expect(await listAll(createFsProvider(vault), "")).toEqual([])
  })
})
