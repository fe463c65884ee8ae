import { EventEmitter, once } from "node:events"
import { spawn } from "node:child_process"
import { watch } from "node:fs"
import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import type { WatchOptions } from "../../native-host/fs-watch.js"
import { listAll, testObject } from "../contracts/provider-contract.js"
import { bundle, temporaryFolder } from "./bundle.js"

const { name, bytes } = testObject("v/s")

describe("watching a folder", () => {
  let dir: string
  let vault: string
  let watching: AsyncIterator<"watching" | "changed"> | undefined

  beforeEach(async () => {
    dir = await temporaryFolder()
    vault = join(dir, "vault")
  })
  afterEach(async () => {
    await watching?.return?.()
    await rm(dir, { recursive: true })
  })

  /** Begins to watch, and gives back how to wait for the next change. */
  async function begin(options: WatchOptions, prefix = ""): Promise<() => Promise<string | null>> {
    const own = createFsProvider(vault, { watching: options }).watch?.(prefix)[Symbol.asyncIterator]()
    watching = own
    expect((await own?.next())?.value).toBe("watching")
    return async () => {
      const result = await own?.next()
      return result?.done === false ? result.value : null
    }
  }

  it("hears at once of what another process of this machine puts, with one watch of the system's", async () => {
    const system = vi.fn((folder: string, onEvent: () => void) => watch(folder, onEvent))
    const next = await begin({ atLeastEvery: 1_000_000, watch: system })
    const script = await bundle(dir, "put.mjs", [
      `import { createFsProvider } from "./native-host/fs-provider.js"`,
      `await createFsProvider(${JSON.stringify(vault)}).put(${JSON.stringify(name)}, Uint8Array.of(1))`,
    ])
    const run = spawn(process.execPath, [script], { stdio: "inherit" })
    expect(await next()).toBe("changed")
    expect(await listAll(createFsProvider(vault), "")).toEqual([{ name, size: 1 }])
    if (run.exitCode === null) await once(run, "exit")
    expect(system).toHaveBeenCalledTimes(1)
  })

  it("finds what no system tells of: copied in by hand, and removed", async () => {
    const next = await begin({ atLeastEvery: 20 })
    await mkdir(join(vault, "v", "s"), { recursive: true, mode: 0o700 })
    await writeFile(join(vault, name), bytes)
    expect(await next()).toBe("changed")
    await rm(join(vault, name))
    expect(await next()).toBe("changed")
  })

  it.each([
    [
      "refuses a watch",
      () => {
        throw Object.assign(new Error("System limit for number of file watchers reached"), { code: "ENOSPC" })
      },
    ],
    [
      "gives one that breaks",
      () => {
        const watcher = Object.assign(new EventEmitter(), { close: () => undefined })
        setImmediate(() => watcher.emit("error", new Error("EPERM")))
        return watcher
      },
    ],
    [
      "gives one that says nothing, as for a network drive",
      () => Object.assign(new EventEmitter(), { close: () => undefined }),
    ],
  ])("looks now and then where the system %s", async (_title, system) => {
    const next = await begin({ atLeastEvery: 20, watch: system })
    await createFsProvider(vault).put(name, bytes)
    expect(await next()).toBe("changed")
  })

  it("says nothing of other prefixes, of other files and of what lies behind symbolic links", async () => {
    const outside = join(dir, "outside")
    await mkdir(outside)
    const provider = createFsProvider(vault)
    await provider.put(name, bytes)
    const next = await begin({ atLeastEvery: 20 }, "v/")
    const change = next()
    await provider.put("w/a", Uint8Array.of(1))
    await writeFile(join(vault, "v", "Notes.TXT"), "")
    await symlink(outside, join(vault, "v", "link"))
    await writeFile(join(outside, "object"), "")
    const looks = createFsProvider(vault, { watching: { atLeastEvery: 20 } })
      .watch?.("w/")
      [Symbol.asyncIterator]()
    await looks?.next()
    await provider.put("w/b", Uint8Array.of(1))
    expect((await looks?.next())?.value).toBe("changed")
    await looks?.return?.()
    expect(await Promise.race([change, provider.get("v/none")])).toBeNull()
    await provider.put("v/z", Uint8Array.of(1))
    expect(await change).toBe("changed")
  })

  it("puts no watch on a folder that a symbolic link leads to", async () => {
    await mkdir(join(dir, "outside"))
    await mkdir(vault, { mode: 0o700 })
    await symlink(join(dir, "outside"), join(vault, ".partial"))
    const system = vi.fn((folder: string, onEvent: () => void) => watch(folder, onEvent))
    await begin({ watch: system })
    expect(system).not.toHaveBeenCalled()
  })

  it("lets the process end when the loop over it does", async () => {
    const script = await bundle(dir, "watch.mjs", [
      `import { createFsProvider } from "./native-host/fs-provider.js"`,
      `for await (const change of createFsProvider(${JSON.stringify(vault)}).watch("")) break`,
    ])
    const run = spawn(process.execPath, [script], { stdio: "inherit" })
    expect((await once(run, "exit"))[0]).toBe(0)
  })
})
