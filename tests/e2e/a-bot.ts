import { execFile } from "node:child_process"
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("../../dist/node/psp.mjs", import.meta.url))

export interface Ran {
  code: number
  out: string
  err: string
}

/** A bot on a machine of its own: its own home, and the real command line in its shell. */
export interface Bot {
  /** As the person types it there, answering yes. */
  run(line: string): Promise<Ran>
  /** Its card and the six words that it shows beside it. */
  card(): Promise<{ card: string; words: string }>
  read(file: string): Promise<string>
  /** Copies a file to where the commands are run. */
  take(file: string, name: string): Promise<void>
  stop(): Promise<void>
}

export async function startBot(name: string): Promise<Bot> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-bot-"))
  const bin = path.join(folder, "bin")
  await mkdir(bin)
  await symlink(process.execPath, path.join(bin, "node"))
  await writeFile(path.join(bin, "psp"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`)
  await chmod(path.join(bin, "psp"), 0o755)
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, PSP_HOME: path.join(folder, "home"), TMPDIR: folder }
  const run: Bot["run"] = (line) => {
    // Nobody is at its terminal.
    const typed = line.startsWith("psp trust ") ? `${line} --yes` : line
    return new Promise((resolve) => {
      execFile("/bin/sh", ["-c", typed], { cwd: folder, env }, (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : 1, out, err })
      })
    })
  }
  const made = await run(`psp keygen --name "${name}"`)
  if (made.code !== 0) throw new Error(made.err)
  return {
    run,
    async card() {
      const { out, err } = await run("psp card")
      return { card: out.trim(), words: err.trim().split(": ").at(-1) ?? "" }
    },
    read: (file) => readFile(path.join(folder, file), "utf8"),
    take: async (file, as) => writeFile(path.join(folder, as), await readFile(file)),
    stop: () => rm(folder, { recursive: true, force: true }),
  }
}
