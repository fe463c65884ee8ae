import { spawnSync } from "node:child_process"
import { chmod, chown, mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { faultCount } from "../fault-count.js"
import { bundle, temporaryFolder } from "./bundle.js"

const isRoot = process.getuid?.() === 0
/** Root may do what the modes of files forbid everybody. */
const asNobody = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
const canBeNobody = !isRoot || spawnSync("setpriv", ["--version"]).status === 0

describe("a folder as store", () => {
  let dir: string
  let script: string

  beforeAll(async () => {
    dir = await temporaryFolder()
    await chmod(dir, 0o755)
    script = await bundle(dir, "rounds.mjs", [`import "./tests/native-host/fs-fault-rounds.js"`])
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  /** How often each try ended how; see tests/native-host/fs-fault-rounds.ts for what must hold in each round. */
  async function endsOf(fault: string, command: string[], home = join(dir, fault)): Promise<string[]> {
    if (command === asNobody && isRoot) {
      await mkdir(home)
      await chown(home, 65534, 65534)
    }
    const [program, ...args] = [...command, process.execPath, script, fault, join(home, "vault")]
    const run = spawnSync(program, [...args, String(faultCount(12))], { encoding: "utf8" })
    expect(run).toMatchObject({ status: 0, stderr: "" })
    return Object.keys(JSON.parse(run.stdout) as Record<string, number>).sort()
  }

  it.skipIf(!canBeNobody)("says `denied` for EACCES, keeps what is there, and takes the next save", async () => {
    const all = ["get", "list", "put", "remove"].flatMap((what) => [`${what} denied`, `${what} done`])
    expect(await endsOf("EACCES", asNobody)).toEqual(all)
  })

  it("says `denied` for EROFS, keeps what is there, and takes the next save", async (context) => {
    const disk = join(dir, "disk")
    await mkdir(disk)
    const mounted = isRoot && spawnSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=700", "tmpfs", disk]).status === 0
    if (!mounted) return context.skip("a read-only file system can be mounted by root only")
    try {
      expect(await endsOf("EROFS", [], disk)).toEqual(["get done", "list done", "put denied", "remove denied"])
    } finally {
      spawnSync("umount", [disk])
    }
  })

  it("says `unreachable` for EMFILE, takes nothing for gone, keeps what is there, and takes the next save", async () => {
    const ends = await endsOf("EMFILE", ["sh", "-c", `ulimit -n 80; exec "$@"`, "sh"])
    expect(ends).toEqual(expect.arrayContaining(["get unreachable", "list unreachable", "put done", "put unreachable"]))
    expect(ends.filter((end) => !/ (?:done|unreachable)$/.test(end))).toEqual([])
  })

  it("says `unreachable` for EIO at any call, takes nothing for gone, keeps what is there, and takes the next save", async () => {
    const ends = await endsOf("EIO", [])
    expect(ends).toEqual(expect.arrayContaining(["get unreachable", "list unreachable", "put unreachable"]))
    expect(ends.filter((end) => !/ (?:done|unreachable)$/.test(end))).toEqual([])
  })
})
