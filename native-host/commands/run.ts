import { join } from "node:path"
import { snapshotToPlaywright } from "../../shared/formats/playwright.js"
import type { CommandContext, CommandResult } from "../command.js"
import { usersToJson, takeSession, whileHeld, type InUseOptions } from "../in-use.js"
import { writePrivateFile } from "../private-file.js"
import { ownAddress } from "../copy-sessions.js"
import { environmentOfCommand, stateVariable as variable } from "../run-environment.js"
import { catchSignals, exitCodeOf, runChild } from "../run-child.js"
import { createRunFolder, sweepRunFolders } from "../run-folder.js"
import { countText } from "../terminal.js"

export type RunOptions = InUseOptions & { targetVersion?: string; keepEnv?: string }

/**
 * Runs a command that finds the session as a storageState of Playwright at the path in `PSP_STORAGE_STATE`: a 0600 file in a folder
 * of its own, which is removed when the command ends, and when it is ended by SIGTERM, SIGINT or SIGHUP, which are passed on. The
 * exit status is the command's. While it runs, others are told that the session is in use, where this identity may say so. What opens other sessions is not in its environment. With `--json` what the command prints goes to stderr.
 */
export async function run(
  context: CommandContext,
  options: RunOptions,
  site: string,
  command: string[],
): Promise<CommandResult> {
  const { env, say } = context
  const swept = await sweepRunFolders(env)
  if (swept > 0) say(`Removed ${countText(swept, "session")} in the clear that a killed run had left behind.`)
  const { session, vault, inUse } = await takeSession(context, options, site, { kind: "opened", tool: "psp run" })
  const held = { site: session.site, account: session.account, tool: "psp run" }
  const { targetVersion: version, json } = options
  const given = environmentOfCommand(env, await ownAddress(context, options), options.keepEnv)
  const { text, gaps } = snapshotToPlaywright(session.snapshot, {
    now: context.now(),
    ...(version === undefined ? {} : { version }),
  })
  const all = [...session.snapshot.report.gaps, ...gaps]
  const signals = catchSignals()
  try {
    const folder = await createRunFolder(env)
    try {
      const path = join(folder.path, "storage-state.json")
      await writePrivateFile(path, text)
      const early = signals.early()
      const end =
        early === null
          ? await whileHeld(context, vault, held, () => {
              const stopped = signals.early()
              if (stopped !== null) return Promise.resolve({ exitCode: exitCodeOf(stopped), signal: stopped })
              return runChild(command, { env: { ...given, [variable]: path }, signals, outTo: json === true ? 2 : 1 })
            })
          : { exitCode: exitCodeOf(early), signal: early }
      return {
        text: "",
        json: { site: session.site, account: session.account, ...end, ...usersToJson(inUse), gaps: all },
        gaps: all,
        ...(end.exitCode === 0 ? {} : { exitCode: end.exitCode }),
      }
    } finally {
      folder.remove()
    }
  } finally {
    signals.stop()
  }
}
