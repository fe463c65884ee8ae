import { readdir, readFile, unlink } from "node:fs/promises"
import { join } from "node:path"
import { isPspError, PspError } from "../shared/errors.js"
import { defaultAccount, parseSite } from "../shared/site.js"
import type { LoadedSession, Vault } from "../shared/vault.js"
import type { CommandContext, CommonOptions } from "./command.js"
import { openHomeVault } from "./home-vault.js"

export function openVaultFor(context: CommandContext, { store }: CommonOptions): Promise<Vault> {
  const { home, env, say, closeLater } = context
  return openHomeVault({ home, env, notice: say, ...(store === undefined ? {} : { store }) }, closeLater)
}

/**
 * The session that the person named: from the vault, else from the files that were imported.
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
  }: { before?: (vault: Vault, site: string, account: string) => Promise<void> } = {},
): Promise<{ session: LoadedSession; vault: Vault }> {
  const site = parseSite(siteText)
  const account = options.account ?? defaultAccount
  const [time] = options.at ?? []
  const at = time === undefined ? Infinity : parseTime(time)
  const vault = await openVaultFor(context, options)
  await before(vault, site, account)
  const session =
    (await vault.loadSession(site, { account, ...(time !== undefined && { at }) })) ??
    (await findImported(context.home, vault, { site, account, at }))
  if (session !== null) return { session, vault }
  const which = account === defaultAccount ? site : `${site}, account "${account}"`
  if (time !== undefined) {
    const message = `Cannot find a session of ${which}: nothing that old is kept; psp history ${site} shows what is`
    throw new PspError("not-found", message)
  }
  throw new PspError(
    "not-found",
    `Cannot find a session of ${which}: nothing is saved for this identity; psp list shows what is`,
  )
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

/** ms since epoch of a span from now (`8h`, `7d`) or of a date, as typed after `--until`. @throws `usage`, also for the past */
export function parseEnd(text: string, now: number): number {
  const [, count = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text.trim()) ?? []
  const span = unitMs[unit]
  const end = span === undefined ? parseTime(text) : now + Number(count) * span
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
