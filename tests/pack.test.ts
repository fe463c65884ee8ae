import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const run = promisify(execFile)
const root = fileURLToPath(new URL("..", import.meta.url))
const isBuilt = existsSync(join(root, "dist/node/psp.mjs"))
let project: string

const npm = (args: string[], cwd: string) => run("npm", [...args, "--no-audit", "--no-fund"], { cwd })

describe.skipIf(!isBuilt)("the package, installed into an empty project (needs a build)", () => {
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), "psp-pack-"))
    await npm(["pack", "--ignore-scripts", "--pack-destination", project], root)
    await writeFile(join(project, "package.json"), '{ "private": true, "type": "module" }')
    const [archive = ""] = (await readdir(project)).filter((name) => name.endsWith(".tgz"))
    await npm(["install", "--prefer-offline", `./${archive}`], project)
  }, 180_000)
  afterAll(() => rm(project, { recursive: true, force: true }))

  it("has psp", async () => {
    const { stdout } = await run("npx", ["--no-install", "psp", "--help"], { cwd: project })
    expect(stdout).toContain("restore [options] <site>")
  })

  it("runs every entry", async () => {
    const script = `
      import { openVault, createIdentity, parseSnapshot } from "persistent-sessions"
      import { openHomeVault } from "persistent-sessions/node"
      import { restore, capture, contextOptions } from "persistent-sessions/playwright"
      import { createMemoryProvider } from "persistent-sessions/providers/memory"
      import { createFsProvider } from "persistent-sessions/providers/fs"
      import { createRedisProvider } from "persistent-sessions/providers/redis"
      import { createS3Provider } from "persistent-sessions/providers/s3"
      import { createKvProvider, createKvRestProvider } from "persistent-sessions/providers/cloudflare-kv"
      const vault = await openVault(createMemoryProvider(), { identity: await createIdentity("me") })
      const all = [parseSnapshot, openHomeVault, restore, capture, contextOptions, createFsProvider, createRedisProvider, createS3Provider, createKvProvider, createKvRestProvider].every((f) => typeof f === "function")
      process.stdout.write(JSON.stringify([all, await vault.load("example.com")]))
    `
    await writeFile(join(project, "run.mjs"), script)
    const { stdout } = await run(process.execPath, ["run.mjs"], { cwd: project })
    expect(stdout).toBe("[true,null]")
  })

  it.each(["nodenext", "bundler"])("has types with moduleResolution %s", async (moduleResolution) => {
    const script = `
      import { openVault, type Snapshot, type Vault } from "persistent-sessions"
      import { openHomeVault } from "persistent-sessions/node"
      import { restore } from "persistent-sessions/playwright"
      import { createFsProvider } from "persistent-sessions/providers/fs"
      import { createRedisProvider } from "persistent-sessions/providers/redis"
      import { createS3Provider } from "persistent-sessions/providers/s3"
      export async function load(vault: Vault): Promise<Snapshot | null> { return vault.load("example.com") }
      export const opened: Promise<Vault> = openHomeVault({})
      
      export const provider = createFsProvider("/tmp"); void openVault
      export const other = createRedisProvider({ url: "redis://localhost", prefix: "team" })
      export const bucket = createS3Provider({ bucket: "vault", region: "eu-west-1", encryption: { kind: "AES256" } })
      export const count: Promise<number> = restore({} as never, {} as Snapshot).then((report) => report.gaps.length)
    `
    await writeFile(join(project, "use.ts"), script)
    const module = moduleResolution === "nodenext" ? "nodenext" : "esnext"
    const options = ["--strict", "--noEmit", "--skipLibCheck", "--target", "es2022", "--lib", "es2023,dom"]
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    await run(
      process.execPath,
      [tsc, ...options, "--module", module, "--moduleResolution", moduleResolution, "use.ts"],
      {
        cwd: project,
      },
    ).catch((error: unknown) => expect((error as { stdout?: string }).stdout).toBe(""))
  })

  it("holds no source, no test and no extension", async () => {
    const files = await readdir(join(project, "node_modules/persistent-sessions"), { recursive: true })
    expect(files.filter((name) => /(?<!\.d)\.tsx?$|chrome-mv3|tests/.test(name))).toEqual([])
  })
})
