import { setTimeout } from "node:timers/promises"
import { Command, CommanderError, Option } from "commander"
import { exitByCode, PspError, toPspError } from "../shared/errors.js"
import { version } from "../shared/version.js"
import type { CommandContext, CommandResult, CommonOptions } from "./command.js"
import { requireFitting } from "./fitting-options.js"
import { gapLines } from "./gap-lines.js"
import { homeDir } from "./home.js"
import { createProgressLine, type ProgressLine } from "./progress-line.js"
import { printable, withoutPasswords } from "./terminal.js"

/**
 * `psp`. Results on stdout, talk on stderr, one line for an error; with `--json` exactly one JSON value on stdout. Each
 * command is loaded only when it is called.
 */
const map = `psp keeps the login sessions you saved, sealed, and hands them to your bots.

  psp install                          let your browsers reach this computer, then press Trust this computer there
  psp list                             what is saved
  psp inspect SITE                     what is in it; no values
  psp restore SITE --cdp URL           put it into a running browser; --bidi URL for Firefox
  psp restore SITE --format playwright give it to a tool: playwright, curl, …
  psp capture --from FILE              what another tool's file holds; with a SITE, save it
  psp run SITE -- COMMAND              run a command that finds it in $PSP_STORAGE_STATE
  psp grant CARD SITE --until 8h       let a bot open it from the store; psp revoke BOT takes it back
  psp devices                          your machines; add CARD, remove NAME when one is lost
  psp recovery create                  24 words for the day when all are lost; psp recover takes them
  psp rotate-key                       new keys for this machine
  psp audit                            who used what, when and with which tool
  psp export SITE --to CARD --out FILE hand it to another identity, as a file
  psp push SITE --to STORE             copy it, sealed, to another store; pull brings it from there
  psp history SITE                     what is kept of earlier; psp diff SITE --at TIME compares
  psp watch SITE --out FILE            keep a file current; --exec COMMAND runs one after each change
  psp doctor                           what does not work, and what to do

psp --help shows every command and option.`

/** The world of one run: where it reads, writes and asks. */
export interface CliWorld {
  env: Record<string, string | undefined>
  out: (text: string) => void
  err: (text: string) => void
  /** A person's answer to a question; null where nobody can be asked. */
  ask: (question: string) => Promise<string | null>
  /** A secret, typed unseen or piped in; where it is left out nobody gives one. */
  readSecret?: (question: string) => Promise<string>
  /** The same, of a person at a terminal only; null where there is none. */
  askSecret?: (question: string) => Promise<string | null>
  /** The folder that holds `psp-host.mjs`. */
  programs: string
  /** ms since epoch. */
  now: () => number
  /** Columns of the terminal that `err` writes to; left out where it is none, and then no progress is drawn. */
  columns?: () => number
  /** Lets so many ms go by; the system's clock does where it is left out. */
  pause?: CommandContext["pause"]
  /** Catches the next Ctrl-C from now on; without it nobody can interrupt. */
  interrupted?: () => AbortSignal
}

type Closeable = Parameters<CommandContext["closeLater"]>[0]
type Run = (context: CommandContext, options: CommonOptions) => Promise<CommandResult>

/** Runs one command line; never throws. @returns the exit status (see `exitByCode`; 8: gaps under `--strict`) */
export async function runCli(argv: string[], world: CliWorld): Promise<number> {
  if (argv.length === 0) return print(world, map)
  const given = withCommand(argv)
  const isJson = ownArguments(given).includes("--json")
  let run: Run | null = null
  const opened: Closeable[] = []
  const program = createProgram(world, (chosen) => (run = chosen))
  try {
    await program.parseAsync(withWaits(given), { from: "user" })
    // What parsing chose; TypeScript does not see that the callback ran.
    const chosen = run as Run | null
    if (chosen === null) return print(world, map)
    const options: CommonOptions = program.opts()
    const line = progressOf(world, options)
    const result = await chosen(contextOf(world, options, line, opened), options).finally(() => line.clear())
    return report(world, result, options)
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    return fail(world, error, { isJson, isDebug: ownArguments(given).includes("--debug") })
  } finally {
    // What the command did is told already.
    for (const { close } of opened) await close?.().catch(() => undefined)
  }
}

/** All that stands after `--exec` is somebody else's command, as it is after `--`. */
function withCommand(argv: string[]): string[] {
  const at = argv.indexOf("--exec")
  const isOurs = at > argv.indexOf("watch") && argv.includes("watch") && !argv.slice(0, at).includes("--")
  if (!isOurs || argv[at + 1] === "--") return argv
  return [...argv.slice(0, at + 1), "--", ...argv.slice(at + 1)]
}

/** `--wait` has a value only where it is a number: what else follows it is meant for itself. */
function withWaits(argv: string[]): string[] {
  const own = ownArguments(argv)
  const isAlone = (word: string, at: number) => word === "--wait" && !/^\d+$/.test(own[at + 1] ?? "")
  return [...own.map((word, at) => (isAlone(word, at) ? "--wait=" : word)), ...argv.slice(own.length)]
}

/** What stands after `--` is somebody else's. */
function ownArguments(argv: string[]): string[] {
  const end = argv.indexOf("--")
  return end === -1 ? argv : argv.slice(0, end)
}

function createProgram({ out }: CliWorld, choose: (run: Run) => void): Command {
  const program = new Command("psp")
    .description("Login sessions, sealed: list, open and hand over what the browser extension saved.")
    .version(version)
    .option("--account <name>", "one of several logins at a site", undefined)
    .option("--at <time>", "an earlier state, for example 2027-01-31T12:00:00Z", (time, before?: string[]) => [
      ...(before ?? []),
      time,
    ])
    .option("--store <address>", "another store than the configured one, for example file:///dir")
    .option("--json", "one JSON value on stdout")
    .option("--strict", "exit with 8 when anything was left out")
    .option("--quiet", "nothing on stderr but errors")
    .option("--debug", "show where an error came from; never a value")
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: () => undefined })
    .hook("preAction", (_, command) => requireFitting(fullName(command), command.optsWithGlobals()))
  const add = (usage: string, description: string) => program.command(usage).description(description).exitOverride()

  add("install", "register the native host where browsers look")
    .option("--browser <names...>", "only these: chrome, chromium, edge, brave, vivaldi, firefox")
    .option("--manifest-dir <dir>", "write the manifest there and nowhere else")
    .option("--extension-id <ids...>", "ids of the extension besides the built-in one")
    .action((own: object) => choose(async (context) => (await import("./commands/install.js")).install(context, own)))
  add("uninstall", "take back what install registered").action(() =>
    choose(async (context) => (await import("./commands/install.js")).uninstall(context)),
  )
  add("doctor", "what does not work, and the line that mends it").action(() =>
    choose(async (context, options) => (await import("./commands/doctor.js")).doctor(context, options)),
  )
  const config = add("config", "read and change what this machine is set to")
  config
    .command("get [key]")
    .exitOverride()
    .action((key?: string) => choose(async (context) => (await import("./commands/config.js")).configGet(context, key)))
  config
    .command("set <key> [value]")
    .description(
      "store ADDRESS, after it was tried; ttl.sessionStorage 8h, or of one SITE; credentials.NAME, typed unseen or piped in",
    )
    .option("--no-check", "believe the store without trying it")
    .exitOverride()
    .action((key: string, value: string | undefined, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/config.js")).configSet(context, { ...options, ...own }, key, value),
      ),
    )
  config
    .command("unset <key>")
    .exitOverride()
    .action((key: string) =>
      choose(async (context, options) => (await import("./commands/config.js")).configUnset(context, options, key)),
    )
  add("keygen", "make this machine's identity and print its card")
    .option("--name <name>", "what people call this machine")
    .option("--passphrase", "lock it with a passphrase")
    .option("--keychain", "lock it by the system's keychain")
    .action((own: { name?: string; passphrase?: boolean; keychain?: boolean }) =>
      choose(async (context) => (await import("./commands/keygen.js")).keygen(context, own)),
    )
  add("lock", "lock this machine's identity with a passphrase, or change it")
    .option("--keychain", "by the system's keychain instead")
    .option("--off", "take the lock away, as psp unlock does")
    .action((own: { keychain?: boolean; off?: boolean }) =>
      choose(async (context) => (await import("./commands/lock.js")).lock(context, own)),
    )
  add("unlock", "take the lock away").action(() =>
    choose(async (context) => (await import("./commands/lock.js")).unlock(context)),
  )
  add("card", "print this machine's public card").action(() =>
    choose(async (context) => (await import("./commands/card.js")).card(context)),
  )
  add("trust [card]", "pin an owner by its card; without one, answer the browsers that wait")
    .option("--yes", "do not ask")
    .action((text: string | undefined, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/trust.js")).trust(context, { ...options, ...own }, text),
      ),
    )
  const devices = add("devices", "the owner devices of the vault: browsers and computers of yours").action(() =>
    choose(async (context, options) => (await import("./commands/devices.js")).devices(context, options)),
  )
  devices
    .command("add <card>")
    .description("make another machine of yours an owner device")
    .option("--yes", "do not ask")
    .exitOverride()
    .action((card: string, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/devices.js")).devicesAdd(context, { ...options, ...own }, card),
      ),
    )
  devices
    .command("remove <device>")
    .description(
      "take out a lost one, by its name, its card, or its six words in quotes, and seal everything without it",
    )
    .option("--yes", "do not ask")
    .exitOverride()
    .action((who: string, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/devices.js")).devicesRemove(context, { ...options, ...own }, who),
      ),
    )
  const recovery = add("recovery", "a way back in when every device is lost")
  recovery
    .command("create")
    .description("make a recovery identity, an owner device that is kept on paper; it is shown once")
    .option("--words", "as 24 words, which is what happens without --out")
    .option("--out <file>", "into a file (0600) instead, to be taken somewhere else")
    .exitOverride()
    .action((own: object) =>
      choose(async (context, options) =>
        (await import("./commands/recovery.js")).recoveryCreate(context, { ...options, ...own }),
      ),
    )
  add(
    "recover",
    "open the vault with the recovery words, typed unseen or piped in, and make this machine an owner device",
  )
    .option("--from <file>", "a file that psp recovery create --out wrote, or one with the words")
    .option("--name <name>", "what people call this machine")
    .option("--remove-lost <device>", "take out the lost device as well: its name, card, or six words in quotes")
    .action((own: object) =>
      choose(async (context, options) =>
        (await import("./commands/recover.js")).recover(context, { ...options, ...own }),
      ),
    )
  add("rotate-key [card...]", "new keys for this machine; everything is sealed to them, and the old ones are removed")
    .option("--bot <card>", "for a bot: psp rotate-key --bot OLD-CARD NEW-CARD gives the new card what the old one had")
    .option("--yes", "do not ask")
    .action((cards: string[], own: object) =>
      choose(async (context, options) =>
        (await import("./commands/rotate-key.js")).rotateKey(context, { ...options, ...own }, cards),
      ),
    )
  add("list", "sessions that this identity may open").action(() =>
    choose(async (context, options) => (await import("./commands/list.js")).list(context, options)),
  )
  add("inspect <site>", "what is in a session: names, kinds, sizes, ends, gaps")
    .option("--show-values", "also the values, which are secrets")
    .option("--all", "long lists and long names whole")
    .action((site: string, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/inspect.js")).inspect(context, { ...options, ...own }, site),
      ),
    )
  add("restore <site>", "a session (a site, or a .psp file) into a running browser, or in the format of another tool")
    .option("--cdp <url>", "Chromium and its kin: http://127.0.0.1:9222, or its websocket")
    .option("--bidi <url>", "Firefox: ws://127.0.0.1:9222")
    .option("--keep", "leave what the browser has already for the site")
    .option("--check", "look afterwards whether one is logged in; with --strict, exit with 8 when one is not")
    .option(
      "--format <format>",
      "playwright, puppeteer, cookie-editor, netscape, curl, curl-jar, browser-use or agent-browser",
    )
    .option("--out <file>", "write there (0600) instead of stdout")
    .option("--url <url>", "for curl: the address the header is for")
    .option("--target-version <version>", "for playwright: the version that reads it, when it is older than 1.64")
    .addOption(new Option("--tool-version <version>").hideHelp())
    .option("--wait [seconds]", "wait while somebody else uses the session")
    .option("--steal", "take it although somebody else uses it, and tell others so")
    .action((site: string, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/restore.js")).restore(context, { ...options, ...own }, site),
      ),
    )
  add("capture [site]", "save a session out of a running browser, or out of another tool's file")
    .option("--cdp <url>", "Chromium and its kin: http://127.0.0.1:9222, or its websocket")
    .option("--bidi <url>", "Firefox: ws://127.0.0.1:9222")
    .option("--from <file>", "a file; without a site, tell what is in it")
    .option(
      "--format <format>",
      "what the file is, when its content does not tell: playwright, puppeteer, cookie-editor, netscape, curl-jar, har, browser-use or agent-browser",
    )
    .option("--force", "save although it looks logged out")
    .action((site: string | undefined, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/capture.js")).capture(context, { ...options, ...own }, site),
      ),
    )
  add(
    "run <site> <command...>",
    "give a session to a command: psp run SITE -- COMMAND…, which finds it at $PSP_STORAGE_STATE",
  )
    .option("--target-version <version>", "the version of Playwright that reads it, when it is older than 1.64")
    .option(
      "--keep-env <names>",
      "variables that psp withholds and the command needs: PSP_IDENTITY,AWS_SECRET_ACCESS_KEY",
    )
    .option("--wait [seconds]", "wait while somebody else uses the session")
    .option("--steal", "take it although somebody else uses it, and tell others so")
    .action((site: string, command: string[], own: object) =>
      choose(async (context, options) =>
        (await import("./commands/run.js")).run(context, { ...options, ...own }, site, command),
      ),
    )
  add("watch <site> [command...]", "keep a file or a command current as a session changes")
    .option("--out <file>", "write the session there (0600) at once and after each change")
    .option(
      "--format <format>",
      "of the file: playwright, puppeteer, cookie-editor, netscape, curl, curl-jar, browser-use or agent-browser",
    )
    .option(
      "--exec",
      "run the rest of the line at once and after each change; it finds the session at $PSP_STORAGE_STATE",
    )
    .option("--every <seconds>", "look this often: 10 where the store does not tell of changes, else 60")
    .option("--url <url>", "for curl: the address the header is for")
    .option("--target-version <version>", "for playwright: the version that reads it, when it is older than 1.64")
    .option("--keep-env <names>", "variables that psp withholds and the command needs: PSP_IDENTITY")
    .action((site: string, command: string[], own: object) =>
      choose(async (context, options) =>
        (await import("./commands/watch.js")).watch(context, { ...options, ...own }, site, command),
      ),
    )
  add("history <site>", "the kept states of a session: when, by whom, what changed by name; --at opens each")
    .option("--all", "every name that changed")
    .action((site: string, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/history.js")).history(context, { ...options, ...own }, site),
      ),
    )
  add(
    "diff <a> [b]",
    "what differs between two sessions: SITE, SITE#ACCOUNT, a .psp file, another tool's file; with --at between two times of one",
  ).action((a: string, b: string | undefined) =>
    choose(async (context, options) => (await import("./commands/diff.js")).diff(context, options, a, b)),
  )
  add("grant <card> <site>", "let a bot open a session from the store, from now on")
    .option("--until <time>", "when it ends: 8h, 7d, or a date such as 2027-01-31")
    .option("--kinds <kinds>", "only these, for example cookies,localStorage")
    .option("--only <name>", "only this, for example cookies:sid or localStorage:token; may be repeated", repeated)
    .option("--save-back", "it may save what its visits change, too")
    .option("--yes", "do not ask")
    .action((card: string, site: string, own: object) =>
      choose(async (context, options) =>
        (await import("./commands/grant.js")).grant(context, { ...options, ...own }, card, site),
      ),
    )
  add("grants", "what bots were granted").action(() =>
    choose(async (context, options) => (await import("./commands/grants.js")).grants(context, options)),
  )
  add(
    "revoke <bot> [site]",
    "take back what a bot was granted, by its name, its card, or its six words in quotes",
  ).action((bot: string, site: string | undefined) =>
    choose(async (context, options) => (await import("./commands/revoke.js")).revoke(context, options, bot, site)),
  )
  add("audit", "who opened, restored, saved, handed over and took back what, and whether anything of that was removed")
    .option(
      "--bot <bot>",
      "what one bot did, and what was done about it: its name, its card, or its six words in quotes",
    )
    .option("--site <site>", "at one site")
    .option("--since <time>", "from then on: 8h, 7d, or a date such as 2027-01-31")
    .option("--until <time>", "until then")
    .option("--follow", "go on with what comes, until Ctrl-C")
    .option("--csv", "for a spreadsheet; --json gives a line of JSON for each")
    .action((own: object) =>
      choose(async (context, options) => (await import("./commands/audit.js")).audit(context, { ...options, ...own })),
    )
  add("export <site>", "seal a session to a card, into a file")
    .requiredOption("--to <card>", "who may open it")
    .requiredOption("--out <file>", "where to write it")
    .option("--until <time>", "when it ends: 8h, 7d, or a date such as 2027-01-31")
    .option("--kinds <kinds>", "only these, for example cookies,localStorage")
    .option("--only <name>", "only this, for example cookies:sid or localStorage:token; may be repeated", repeated)
    .action((site: string, own: { to: string; out: string }) =>
      choose(async (context, options) =>
        (await import("./commands/export.js")).exportSession(context, { ...options, ...own }, site),
      ),
    )
  add("import <file>", "take a session that was exported to this machine").action((file: string) =>
    choose(async (context, options) => (await import("./commands/import.js")).importFile(context, options, file)),
  )
  add("remove <site>", "forget a session: its objects and its entry").action((site: string) =>
    choose(async (context, options) => (await import("./commands/remove.js")).remove(context, options, site)),
  )
  add("verify", "read everything in the vault and name each defect").action(() =>
    choose(async (context, options) => (await import("./commands/verify.js")).verify(context, options)),
  )
  add("compact", "remove from the vault what nobody needs any more").action(() =>
    choose(async (context, options) => (await import("./commands/compact.js")).compact(context, options)),
  )
  add("push [what]", "copy a session (a site, or an exported file), sealed as it is, to another store")
    .requiredOption("--to <store>", "address of that store")
    .option("--all", "everything in the vault")
    .action((what: string | undefined, own: { to: string }) =>
      choose(async (context, options) =>
        (await import("./commands/push.js")).push(context, { ...options, ...own }, what),
      ),
    )
  add("pull [site]", "copy a session, sealed as it is, from another store")
    .requiredOption("--from <store>", "address of that store")
    .option("--all", "everything in the vault")
    .action((site: string | undefined, own: { from: string }) =>
      choose(async (context, options) =>
        (await import("./commands/pull.js")).pull(context, { ...options, ...own }, site),
      ),
    )
  add("migrate", "copy the vault to another store, verify it there, and use that store from then on")
    .requiredOption("--to <store>", "address of that store")
    .option("--despite-defects", "also when something is damaged and stays behind")
    .action((own: { to: string }) =>
      choose(async (context, options) =>
        (await import("./commands/migrate.js")).migrate(context, { ...options, ...own }),
      ),
    )
  add("completion <shell>", "print what completes commands and options in bash, zsh or fish").action((name: string) =>
    choose(async () => {
      const { completionScript, shells } = await import("./completion.js")
      const shell = shells.find((known) => known === name)
      if (shell === undefined) {
        throw new PspError("usage", `Cannot complete in ${JSON.stringify(name)}: expected ${shells.join(", ")}`)
      }
      const text = completionScript(program, shell)
      return { text, json: { shell, script: text } }
    }),
  )
  return program
}

/** `config get` for a command below a command. */
function fullName(command: Command): string {
  const { parent } = command
  return parent?.parent ? `${fullName(parent)} ${command.name()}` : command.name()
}

function progressOf({ err, now, columns }: CliWorld, { quiet, json }: CommonOptions): ProgressLine {
  const isDrawn = columns !== undefined && quiet !== true && json !== true
  return createProgressLine(isDrawn ? { write: err, columns, now } : null)
}

function contextOf(world: CliWorld, { quiet }: CommonOptions, line: ProgressLine, opened: Closeable[]): CommandContext {
  const { env, out, err, ask, readSecret, askSecret, programs, now, pause = pauseFor, interrupted } = world
  return {
    home: homeDir(env),
    env,
    programs,
    say: (text) => {
      line.clear()
      if (quiet !== true) err(`${text}\n`)
    },
    print: (text) => {
      line.clear()
      out(`${text}\n`)
    },
    async confirm(question) {
      line.clear()
      const answer = await ask(question)
      return answer === null ? null : /^y(?:es)?$/i.test(answer.trim())
    },
    readSecret: async (question) => (await readSecret?.(question)) ?? null,
    async askSecret(question) {
      line.clear()
      return (await askSecret?.(question)) ?? null
    },
    progress: line.show,
    interrupted: interrupted ?? (() => new AbortController().signal),
    pause,
    closeLater: (one) => void opened.push(one),
    now,
  }
}

async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {
    throw new PspError("aborted", "Stopped while waiting")
  })
}

function report(world: CliWorld, { text, json, gaps = [], exitCode }: CommandResult, options: CommonOptions): number {
  if (options.json === true && json !== undefined) print(world, printable(JSON.stringify(json)))
  else if (options.json !== true && text !== "") print(world, text.replace(/\n$/, ""))
  if (options.quiet !== true && gaps.length > 0) {
    world.err(`${gapLines(gaps).join("\n")}\n`)
  }
  return exitCode ?? (options.strict === true && gaps.length > 0 ? 8 : 0)
}

function print({ out }: CliWorld, text: string): number {
  out(`${text}\n`)
  return 0
}

function fail(world: CliWorld, error: unknown, { isJson, isDebug }: { isJson: boolean; isDebug: boolean }): number {
  const fault =
    error instanceof CommanderError
      ? new PspError(
          "usage",
          `Cannot read the command line: ${withoutPasswords(error.message)
            .replace(/^error: /, "")
            .replace(/\s+/g, " ")}; see psp --help`,
        )
      : toPspError(error, "psp")
  const message = printable(fault.message)
  if (isJson) print(world, JSON.stringify({ error: { code: fault.code, message } }))
  world.err(`psp: ${message}\n`)
  if (isDebug) world.err(`${causes(fault)}\n`)
  return exitByCode[fault.code]
}

/** Names, places and the step that refused; messages of foreign errors may hold values and are left out. */
function causes(error: Error): string {
  const own = (error.stack ?? "").split("\n").slice(1, 6).join("\n")
  const { cause } = error
  if (!(cause instanceof Error)) return own
  const isOurs = cause.message.startsWith("refused at: ")
  return `${own}\ncaused by ${cause.name}${isOurs ? `: ${cause.message}` : ""}\n${(cause.stack ?? "")
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .slice(0, 5)
    .join("\n")}`
}

/** The values of an option that may be given several times. */
function repeated(value: string, before: string[] = []): string[] {
  return [...before, value]
}
