import { rm } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeEach, expect, it, vi } from "vitest"
import type * as FsProvider from "../../native-host/fs-provider.js"
import { openHomeVault } from "../../native-host/home-vault.js"
import { runCli } from "../../native-host/run-cli.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"

const counts = vi.hoisted(() => ({ opened: 0, closed: 0 }))

vi.mock("../../native-host/fs-provider.js", async (original) => {
  const real = await original<typeof FsProvider>()
  const createFsProvider: typeof FsProvider.createFsProvider = (...args) => {
    counts.opened++
    return {
      ...real.createFsProvider(...args),
      close: async () => {
        counts.closed++
      },
    }
  }
  return { ...real, createFsProvider }
})

let folder: string
let home: string

beforeEach(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  await psp("keygen", "--name", "computer")
  await (await openHomeVault({ home, env: {} })).save(exampleSnapshot("example.com"))
  Object.assign(counts, { opened: 0, closed: 0 })
  return () => rm(folder, { recursive: true, force: true })
})

function psp(...args: string[]): Promise<number> {
  return runCli(args, {
    env: { HOME: folder, PSP_HOME: home },
    out: () => undefined,
    err: () => undefined,
    ask: () => Promise.resolve(null),
    programs: folder,
    now: Date.now,
  })
}

it("every store that a command opens is closed at its end, whether it went well or not", async () => {
  const to = pathToFileURL(join(folder, "other")).href
  for (const [args, code] of [
    [["list"], 0],
    [["verify"], 0],
    [["doctor"], null],
    [["restore", "example.com", "--format", "playwright"], 0],
    [["restore", "example.org", "--format", "playwright"], 3],
    [["trust"], 0],
    [["push", "--all", "--to", to], 0],
    [["push", "example.org", "--to", to], 3],
    [["config", "set", "store", to, "--no-check"], 0],
    [["config", "unset", "store"], 0],
    [["migrate", "--to", to], 0],
    [["remove", "example.com"], 0],
  ] as const) {
    const ended = await psp(...args)
    if (code !== null) expect(ended, args.join(" ")).toBe(code)
    expect(counts.closed, args.join(" ")).toBe(counts.opened)
  }
  expect(counts.opened).toBeGreaterThan(12)
})
