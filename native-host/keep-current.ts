import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { snapshotToPlaywright } from "../shared/formats/playwright.js"
import type { LoadedSession } from "../shared/vault.js"
import type { CommandContext, CommonOptions } from "./command.js"
import { ownAddress } from "./copy-sessions.js"
import { writePrivateFile } from "./private-file.js"
import { catchSignals, runChild } from "./run-child.js"
import { environmentOfCommand, stateVariable } from "./run-environment.js"
import { createRunFolder, sweepRunFolders } from "./run-folder.js"
import { writeOut } from "./write-out.js"
import { writeFormat, writtenFormat, writtenFormats, type FormatOptions } from "./written-formats.js"

export type KeeperOptions = FormatOptions & { out?: string; format?: string; exec?: boolean; keepEnv?: string }

/** Brings what is kept up to a state: the file, then the command. @returns what programs are told of it */
export type Keeper = (session: LoadedSession) => Promise<{ out?: string; exitCode?: number }>

/** @throws `usage` for a format that is none, and where a command stands alone or is missing */
export async function createKeeper(
  context: CommandContext,
  options: CommonOptions & KeeperOptions,
  command: string[],
): Promise<Keeper> {
  const { out, exec = false } = options
  const format = writtenFormat(options.format ?? "playwright")
  if (format === null) throw new PspError("usage", `Cannot watch: expected --format ${writtenFormats.join(", ")}`)
  if (exec !== command.length > 0)
    throw new PspError("usage", "Cannot watch: expected a command after --exec, at the end of the line")
  const env = exec ? environmentOfCommand(context.env, await ownAddress(context, options), options.keepEnv) : {}
  if (exec) await sweepRunFolders(context.env)
  return async (session) => {
    if (out !== undefined) await writeOut(out, (await writeFormat(format, session, options)).text)
    const done = out === undefined ? {} : { out }
    return exec ? { ...done, exitCode: await runOnce(context, options, { session, command, env }) } : done
  }
}

/** What it exits with is told and ends nothing: the next change may mend it. */
async function runOnce(
  { env: own, now, say }: CommandContext,
  { json, targetVersion: version }: CommonOptions & KeeperOptions,
  { session, command, env }: { session: LoadedSession; command: string[]; env: Record<string, string | undefined> },
): Promise<number> {
  const signals = catchSignals()
  const folder = await createRunFolder(own)
  try {
    const path = join(folder.path, "storage-state.json")
    const { text } = snapshotToPlaywright(session.snapshot, { now: now(), ...(version !== undefined && { version }) })
    await writePrivateFile(path, text)
    const given = { ...env, [stateVariable]: path }
    const { exitCode } = await runChild(shellOf(command), { env: given, signals, outTo: json === true ? 2 : 1 })
    if (exitCode !== 0) say(`The command ended with ${exitCode}; it runs again after the next change.`)
    return exitCode
  } finally {
    folder.remove()
    signals.stop()
  }
}

/** One word with blanks in it is a line for the shell. */
function shellOf(command: string[]): string[] {
  const [line = "", ...more] = command
  if (more.length > 0 || !/\s/.test(line) || process.platform === "win32") return command
  return ["/bin/sh", "-c", line]
}
