import { spawnSync } from "node:child_process"
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { createIdentity } from "../../shared/keys.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

describe("verify of a vault in a folder", () => {
  let dir: string
  let vault: Vault
  let object: string
  const found = async () => (await vault.verify()).defects.map(({ code, name }) => [code, name.slice(dir.length + 1)])

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "psp-audit-"))
    const provider = createFsProvider(join(dir, "store"))
    vault = await openVault(provider, { identity: await createIdentity("a") })
    const { objects } = await vault.save(exampleSnapshot())
    object = join("store", objects.at(-1)?.name ?? "")
  })
  afterEach(() => rm(dir, { recursive: true }))

  it("finds nothing where all is as it was written, whatever lies beside the vaults", async () => {
    await writeFile(join(dir, "store", "notes.txt"), "mine", { mode: 0o644 })
    await mkdir(join(dir, "store", ".sync"), { mode: 0o755 })
    expect(await found()).toEqual([])
  })

  it("names a temporary of a process that is gone, and leaves it", async () => {
    const gone = spawnSync(process.execPath, ["-e", ""]).pid
    const machine = hostname()
      .replace(/[^A-Za-z0-9]/g, "")
      .slice(0, 32)
    const stale = `store/.partial/${machine}-${gone}-x`
    await writeFile(join(dir, stale), "half")
    await writeFile(join(dir, `store/.partial/${machine}-${process.pid}-y`), "half")
    expect(await found()).toEqual([["stale-temporary", stale]])
    expect(await found()).toEqual([["stale-temporary", stale]])
  })

  it.skipIf(process.platform === "win32")("names files and folders that others may come to", async () => {
    await chmod(join(dir, object), 0o640)
    const folder = object.slice(0, object.lastIndexOf("/"))
    await chmod(join(dir, folder), 0o711)
    expect(await found()).toEqual([
      ["wrong-mode", folder],
      ["wrong-mode", object],
    ])
  })

  it.skipIf(process.platform === "win32")("names links and foreign files among the objects", async () => {
    const folder = object.slice(0, object.lastIndexOf("/"))
    await symlink("/etc/hostname", join(dir, folder, "0.psp"))
    await writeFile(join(dir, folder, "A.sync-conflict.psp"), "x", { mode: 0o600 })
    expect((await found()).sort()).toEqual([
      ["extra", `${folder}/0.psp`],
      ["extra", `${folder}/A.sync-conflict.psp`],
    ])
  })

  it("stops when it is called off", async () => {
    await expect(vault.verify({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" })
  })
})
