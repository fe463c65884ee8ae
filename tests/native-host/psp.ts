import { join } from "node:path"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { runCli, type CliWorld } from "../../native-host/run-cli.js"
import type { Snapshot } from "../../shared/snapshot.js"
import { openVault } from "../../shared/vault.js"
import { bundle } from "./bundle.js"

export interface Said {
  code: number
  out: string
  err: string
}

/** One command line, in this process: the same as `psp` but for its pipes. Nobody answers what it asks, unless told. */
export async function runPsp(args: string[], env: CliWorld["env"], world: Partial<CliWorld> = {}): Promise<Said> {
  let [out, err] = ["", ""]
  const code = await runCli(args, {
    env,
    out: (text) => (out += text),
    err: (text) => (err += text),
    ask: () => Promise.resolve(null),
    programs: env["HOME"] ?? "",
    now: Date.now,
    ...world,
  })
  return { code, out, err }
}

/** The command line as a program of its own, in one file. */
export async function bundlePsp(folder: string): Promise<string> {
  return bundle(folder, "psp.mjs", [
    'import { createRequire } from "node:module"',
    "globalThis.require = createRequire(import.meta.url)",
    'await import("./native-host/cli.ts")',
  ])
}

/** Saves in the vault of a home whose identity is there, as its own command line would. */
export async function saveAtHome(home: string, ...snapshots: Snapshot[]): Promise<void> {
  const vault = await openVault(createFsProvider(join(home, "vault")), { identity: await readIdentity(home, {}) })
  for (const snapshot of snapshots) await vault.save(snapshot)
}
