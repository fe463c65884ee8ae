import { PspError, toPspError } from "../../shared/errors.js"
import { diffSnapshots } from "../../shared/diff.js"
import { createBell } from "../../shared/providers/bell.js"
import { recordRefusal } from "../../shared/record-access.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { LoadedSession } from "../../shared/vault.js"
import { isStoreFault } from "../../shared/vault/faults.js"
import { countText, printable, timeText } from "../terminal.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { createKeeper, type KeeperOptions } from "../keep-current.js"
import { openVaultFor, record } from "../sessions.js"
import { createEars, rest, usualWhenNot, usualWhenTold } from "../store-ears.js"
import { digestOfState } from "../state-digest.js"

export type WatchOptions = CommonOptions & KeeperOptions & { every?: string }

/**
 * Keeps a file or a command current until Ctrl-C or SIGTERM: looks at once, then whenever the store says that something changed, and
 * now and then without being told. Only a session that is really another one counts. What is over or cannot be read is told once, and
 * the last state stays where it is.
 *
 * @throws what the first look throws, where there is more wrong than that no session is there now
 */
export async function watch(
  context: CommandContext,
  options: WatchOptions,
  siteText: string,
  command: string[],
): Promise<CommandResult> {
  const site = parseSite(siteText)
  const { account = defaultAccount } = options
  const every = options.every === undefined ? null : parseEvery(options.every)
  const keep = await createKeeper(context, options, command)
  const tell = createTeller(context, options, { site, account, isQuiet: command.length > 0 })
  const vault = await openVaultFor(context, options)
  const signal = context.interrupted()
  const bell = createBell()
  const ears = createEars(vault, bell, signal)
  const last: { session: LoadedSession | null; digest: string; trouble: string | null } = {
    session: null,
    digest: "",
    trouble: null,
  }
  const isStopped = () => signal.aborted
  for (let isFirst = true; !isStopped(); isFirst = false) {
    ears.listen()
    let expiresAt = Infinity
    try {
      const session = await vault.loadSession(site, { account, signal })
      if (session === null) throw new PspError("not-found", `There is no session of ${site}`)
      expiresAt = session.expiresAt
      const digest = digestOfState(session.snapshot)
      if (last.digest !== digest) {
        await record(context, vault, { kind: "opened", site, account, tool: "psp watch" })
        const done = await keep(session)
        tell.changed(session, last.session, done)
        Object.assign(last, { session, digest })
      } else if (last.trouble !== null) tell.back(session)
      last.trouble = null
    } catch (error) {
      if (isStopped()) break
      const fault = toPspError(error, "Watching")
      if (last.trouble !== fault.code) await recordRefusal(vault, { site, account, tool: "psp watch" }, fault)
      if (isFirst && !isOver(fault)) throw fault
      if (!isOver(fault) && !isPassing(fault)) throw fault
      if (last.trouble !== fault.code) tell.trouble(fault)
      last.trouble = fault.code
    }
    await rest(
      bell,
      signal,
      Math.min(every ?? (ears.areOpen() ? usualWhenTold : usualWhenNot), expiresAt - context.now()),
    )
  }
  return { text: "", json: undefined }
}

/** There is no session to be had now; there may be one again. */
function isOver({ code }: PspError): boolean {
  return code === "not-found" || code === "expired" || code === "not-granted"
}

function isPassing({ code }: PspError): boolean {
  return (
    (isStoreFault(code) && code !== "internal") || code === "corrupt" || code === "damaged" || code === "rolled-back"
  )
}

/** Each change is a line: of JSON on stdout, or for people. */
function createTeller(
  { print, say }: CommandContext,
  { json, out }: WatchOptions,
  { site, account, isQuiet }: { site: string; account: string; isQuiet: boolean },
) {
  const line = (facts: object, text: string) => {
    if (json === true) print(printable(JSON.stringify({ ...facts, site, account })))
    // What a command prints is its own.
    else if (isQuiet) say(text)
    else print(text)
  }
  const aboutOf = ({ savedAt, expiresAt, writer }: LoadedSession) => ({ savedAt, savedBy: writer.name, expiresAt })
  return {
    changed(session: LoadedSession, before: LoadedSession | null, done: object) {
      const { differences } = before === null ? { differences: [] } : diffSnapshots(before.snapshot, session.snapshot)
      const changes = differences.map(({ kind, where, name, change }) => ({ kind, where, name, change }))
      const what = before === null ? "as it was saved" : `${countText(changes.length, "change")} saved`
      const where = out === undefined ? "" : `; wrote ${out}`
      line(
        {
          event: "changed",
          isFirst: before === null,
          ...aboutOf(session),
          changes,
          ...done,
          gaps: session.snapshot.report.gaps,
        },
        `${site}: ${what} ${timeText(session.savedAt)} by ${printable(session.writer.name)}${where}`,
      )
    },
    /** After trouble, and not changed by it. */
    back: (session: LoadedSession) => line({ event: "back", ...aboutOf(session) }, `${site}: there again, unchanged`),
    trouble: ({ code, message }: PspError) => line({ event: code, message }, `${site}: ${printable(message)}`),
  }
}

/** ms. */
function parseEvery(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (seconds > 0) return seconds * 1000
  throw new PspError("usage", "Cannot watch: expected whole seconds after --every, as in --every 30")
}
