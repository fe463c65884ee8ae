import { mkdtemp, realpath } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build, type Metafile } from "esbuild"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Makes one runnable file of these lines and the sources they import (paths from the root of the project). */
export async function bundle(folder: string, file: string, lines: string[]): Promise<string> {
  const outfile = join(folder, file)
  await build({
    stdin: { contents: lines.join("\n"), resolveDir: root, loader: "ts" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "error",
    external: ["@napi-rs/keyring"],
    outfile,
  })
  return outfile
}

/** The sources that end up in a bundle of this one. */
export async function inputsOf(entry: string): Promise<string[]> {
  return Object.keys(await inputs(entry))
}

/** Those of them that run as soon as it does: what `import()` brings is not among them. */
export async function startupInputsOf(entry: string): Promise<string[]> {
  const all = await inputs(entry)
  const seen = new Set([entry])
  for (const file of seen) {
    for (const { path, kind } of all[file]?.imports ?? []) {
      if (kind !== "dynamic-import" && Object.hasOwn(all, path)) seen.add(path)
    }
  }
  return [...seen]
}

async function inputs(entry: string): Promise<Metafile["inputs"]> {
  const { metafile } = await build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    external: ["@napi-rs/keyring"],
    metafile: true,
    write: false,
  })
  return metafile.inputs
}

/** A new folder for one test, which removes it. */
export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(await realpath(tmpdir()), "psp-test-"))
}
