import { readdir, readFile, unlink } from "node:fs/promises"
import { join } from "node:path"
import { isPspError, PspError } from "../shared/errors.js"
import type { Identity } from "../shared/keys.js"
import { defaultAccount, parseSite } from "../shared/site.js"
import { recordAccess, recordRefusal } from "../shared/record-access.js"
import type { EventSays, LoadedSession, Vault } from "../shared/vault.js"
import type { CommandContext, CommonOptions } from "./command.js"
import { isEnvelopePath, readEnvelope } from "./envelope-file.js"
import { openHomeVault } from "./home-vault.js"
import { unlockOf } from "./unlock.js"

export function openVaultFor(context: CommandContext, { store }: CommonOptions, identity?: Identity): Promise<Vault> {
  const { home, env, say, closeLater } = context
  return openHomeVault(
    {
      ...{ home, env, notice: say, unlock: unlockOf(context) },
      ...(store === undefined ? {} : { store }),
      ...(identity === undefined ? {} : { identity }),
    },
    closeLater,
  )
}

/**
 * The session that the person named: from the vault, else from the files that were imported. What ends in `.psp` is a sealed file, which
 * is opened where it lies.
 *
 * @param before what is to be done with the vault before it is looked for there
 * @throws `not-found` when there is none, and whatever opening it throws
 */
export async function findSession(
  context: CommandContext,
  options: CommonOptions,
  siteText: string,
  {
    before = () => Promise.resolve(),
    does,
  }: {
    before?: (vault: Vault, site: string, account: string) => Promise<void>
    /** What is to be done with it, for the access history. */
    does?: Pick<EventSays, "kind" | "tool">
  } = {},
): Promise<{ session: LoadedSession; vault: Vault }> {
  if (isEnvelopePath(siteText)) return openEnvelope(context, options, siteText, does)
  const site = parseSite(siteText)
  const account = options.account ?? defaultAccount
  const [time] = options.at ?? []
  const at = time === undefined ? Infinity : parseTime(time)
  const vault = await openVaultFor(context, options)
  await before(vault, site, account)
  const about = does === undefined ? null : { ...does, site, account }
  const opening = vault.loadSession(site, { account, ...(time !== undefined && { at }) })
  const loaded = await opening.catch(async (error: unknown) => {
    if (about !== null) await recordRefusal(vault, about, error)
    throw error
  })
  const session = loaded ?? (await findImported(context.home, vault, { site, account, at }))
  if (session !== null) {
    if (about !== null) await record(context, vault, about)
    return { session, vault }
  }
  const which = account === defaultAccount ? site : `${site}, account "${account}"`
  if (time !== undefined) {
    const message = `Cannot find a session of ${which}: nothing that old is kept; psp history ${site} shows what is`
    throw new PspError("not-found", message)
  }
  const fault = new PspError(
    "not-found",
    `Cannot find a session of ${which}: nothing is saved for this identity; psp list shows what is`,
  )
  if (about !== null) await recordRefusal(vault, about, fault)
  throw fault
}

async function openEnvelope(
  context: CommandContext,
  options: CommonOptions,
  path: string,
  does: Pick<EventSays, "kind" | "tool"> | undefined,
): Promise<{ session: LoadedSession; vault: Vault }> {
  if (options.at !== undefined || options.account !== undefined)
    throw new PspError(
      "usage",
      `Cannot open ${path}: a file holds one state of one account; leave out --at and --account`,
    )
  const bytes = await readEnvelope(path, "open")
  const vault = await openVaultFor(context, options)
  const session = await vault.openFile(bytes)
  const { site, account } = session
  if (does !== undefined) await record(context, vault, { ...does, site, account })
  return { session, vault }
}

/** Leaves in the access history what a command does, or says that it could not. */
export async function record(
  { say }: Pick<CommandContext, "say">,
  vault: Vault,
  events: EventSays | readonly EventSays[],
): Promise<void> {
  const untold = await recordAccess(vault, events)
  if (untold !== null) say(untold)
}

/** ms since epoch of what was typed after `--at`. @throws `usage` */
export function parseTime(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) {
    throw new PspError(
      "usage",
      `Cannot read the time "${text}": expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z`,
    )
  }
  return ms
}

const unitMs: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** ms of a span as it is typed: `8h`, `7d`; null for what is none. */
export function spanOf(text: string): number | null {
  const [, count = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text.trim()) ?? []
  const ms = unitMs[unit]
  return ms === undefined ? null : Number(count) * ms
}

/** ms since epoch of a span from now (`8h`, `7d`) or of a date, as typed after `--until`. @throws `usage`, also for the past */
export function parseEnd(text: string, now: number): number {
  const span = spanOf(text)
  const end = span === null ? parseTime(text) : now + span
  if (end > now) return end
  throw new PspError("usage", `Cannot use --until "${text}": it is in the past`)
}

export function importsFolder(home: string): string {
  return join(home, "imports")
}

export interface Imported {
  path: string
  session: LoadedSession
}

/** Every imported file that this identity may open now; expired and foreign ones are left out. */
export async function listImported(home: string, vault: Vault): Promise<Imported[]> {
  const folder = importsFolder(home)
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return []
    throw error
  })
  const found: Imported[] = []
  for (const name of names.filter((entry) => entry.endsWith(".psp")).sort()) {
    const path = join(folder, name)
    const session = await vault.openFile(await readFile(path)).catch((error: unknown) => {
      if (isPspError(error)) return null
      throw error
    })
    if (session !== null) found.push({ path, session })
  }
  return found
}

async function findImported(
  home: string,
  vault: Vault,
  { site, account, at }: { site: string; account: string; at: number },
): Promise<LoadedSession | null> {
  const own = (await listImported(home, vault)).filter(
    ({ session }) => session.site === site && session.account === account && session.savedAt <= at,
  )
  return own
    .map(({ session }) => session)
    .reduce<LoadedSession | null>((a, b) => (a === null || b.savedAt > a.savedAt ? b : a), null)
}

/** Removes imported files of a session; how many there were. */
export async function removeImported(home: string, vault: Vault, site: string, account: string): Promise<number> {
  const own = (await listImported(home, vault)).filter(
    ({ session }) => session.site === site && session.account === account,
  )
  for (const { path } of own) await unlink(path)
  return own.length
}
