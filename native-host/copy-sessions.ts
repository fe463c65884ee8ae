import { exitByCode, PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import { defaultAccount, parseSite } from "../shared/site.js"
import type { Vault } from "../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "./command.js"
import { copyObjects, type CopyReport } from "./copy.js"
import { openVaultFor } from "./sessions.js"
import { shownAddress } from "./store-address.js"
import { openStore, storeAddress } from "./stores.js"
import { countText, printable, sizeText } from "./terminal.js"

/** Addresses. */
export interface Ends {
  from: string
  to: string
}

/** Where this run's own store is: `--store`, else as always. */
export async function ownAddress({ home, env }: CommandContext, { store }: CommonOptions): Promise<string> {
  return store ?? (await storeAddress(home, env))
}

/** Does the work with both stores and the vault in the first. */
export async function withStores<T>(
  context: CommandContext,
  options: CommonOptions,
  { from, to }: Ends,
  work: (stores: { from: Provider; to: Provider; vault: Vault }) => Promise<T>,
): Promise<T> {
  if (from === to) {
    throw new PspError("usage", "Cannot copy from a store to itself: expected the address of another one")
  }
  if ([from, to].some((address) => address.startsWith("memory:"))) {
    throw new PspError("usage", "Cannot copy from or to memory: it ends with this command")
  }
  const open = async (address: string) => {
    const provider = await openStore(address, context.env, context.home)
    context.closeLater(provider)
    return provider
  }
  const stores = { from: await open(from), to: await open(to) }
  await stores.to.check?.()
  const vault = await openVaultFor(context, { ...options, store: from })
  await vault.refresh()
  return work({ ...stores, vault })
}

/** What the person wants copied: one site, or everything. @throws `usage` when it is neither or both */
export function parseSelection(what: string | undefined, isAll: boolean | undefined): { site: string } | "all" {
  if ((what === undefined) === (isAll !== true)) {
    throw new PspError("usage", "Cannot copy: expected either a site such as example.com, or --all")
  }
  if (what === undefined) return "all"
  // Perhaps the address of a store in the wrong place: no word of it is repeated.
  if (what.includes("@") || (/^[a-z][a-z0-9+.-]*:\/\//i.test(what) && !/^https?:/i.test(what))) {
    throw new PspError("usage", "Cannot copy: expected a site such as example.com; a store goes behind --to or --from")
  }
  return { site: parseSite(what) }
}

/** Copies one session with the members, or everything of the vault. @throws `not-found`, and as `copyObjects` */
export async function copySelected(
  context: CommandContext,
  { account = defaultAccount }: CommonOptions,
  { from, to, vault }: { from: Provider; to: Provider; vault: Vault },
  selection: { site: string } | "all",
): Promise<CopyReport> {
  const session =
    selection === "all"
      ? undefined
      : vault.known().find((known) => known.site === selection.site && known.account === account)
  const isKnown = selection === "all" || session !== undefined
  const prefix = session === undefined ? `${vault.id}/` : `${vault.id}/sessions/${session.sid}/`
  if (!isKnown || (await isEmpty(from, prefix))) {
    const which = selection === "all" ? "this vault" : `${selection.site}, account "${printable(account)}"`
    throw new PspError("not-found", `Cannot copy ${which}: the store to copy from holds nothing of it`)
  }
  return copyWith(context, { from, to }, vault.id, session)
}

/** `copyObjects` as the command line does it: drawn, and ended by Ctrl-C. */
export function copyWith(
  { interrupted, progress }: CommandContext,
  { from, to }: { from: Provider; to: Provider },
  vault: string,
  session?: { sid: string; copies?: string[] },
): Promise<CopyReport> {
  return copyObjects(from, to, {
    vault,
    ...(session === undefined ? {} : { sid: session.sid, copies: session.copies ?? [] }),
    signal: interrupted(),
    onProgress: (state) => progress({ doing: "Copying", ...state }),
  })
}

/** What a copy did, for people and programs; an object that could not be copied decides the exit status. */
export function copyResult(report: CopyReport, { from, to }: Ends): CommandResult {
  const [failure] = report.failed
  return {
    text: copyLines(report, to).join("\n"),
    json: { from: shownAddress(from), to: shownAddress(to), ...report },
    ...(failure === undefined ? {} : { exitCode: exitByCode[failure.code] }),
  }
}

export function copyLines({ copied, bytes, skipped, failed, strangers }: CopyReport, to: string): string[] {
  const lines = failed.map(({ code, name, message }) => `${code}  ${printable(name)}\n  ${printable(message)}`)
  lines.push(
    `Copied ${countText(copied, "object")} (${sizeText(bytes)}) to ${printable(shownAddress(to))}; ${skipped} there already`,
  )
  if (failed.length > 0) lines.push(`${countText(failed.length, "object")} could not be copied; all others were.`)
  if (strangers > 0)
    lines.push(`${countText(strangers, "object")} of no vault left where found; psp verify names them.`)
  return lines
}

async function isEmpty(provider: Provider, prefix: string): Promise<boolean> {
  for await (const _ of provider.list(prefix)) return false
  return true
}
