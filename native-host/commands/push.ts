import { digestOf, nameOf, readHeader } from "../../shared/envelope.js"
import { PspError } from "../../shared/errors.js"
import type { Provider } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import type { Vault } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { copyResult, copySelected, copyWith, ownAddress, parseSelection, withStores } from "../copy-sessions.js"
import { readEnvelope } from "../envelope-file.js"
import { printable } from "../terminal.js"

export type PushOptions = CommonOptions & { to: string; all?: boolean }

/** Brings a session, an exported file of one, or everything of the vault to another store; both keep what they have. */
export async function push(context: CommandContext, options: PushOptions, what?: string): Promise<CommandResult> {
  const ends = { from: await ownAddress(context, options), to: options.to }
  if (what?.toLowerCase().endsWith(".psp") === true && options.all !== true) {
    const bytes = await readEnvelope(what, "push")
    const report = await withStores(context, options, ends, async ({ from, to, vault }) => {
      const { source, sid } = await sourceOf(from, vault, bytes, what)
      return copyWith(context, { from: source, to }, vault.id, { sid })
    })
    return copyResult(report, ends)
  }
  const selection = parseSelection(what, options.all)
  const report = await withStores(context, options, ends, (stores) => copySelected(context, options, stores, selection))
  return copyResult(report, ends)
}

/** A store with nothing but the file and the members, without whom nobody would find it. */
async function sourceOf(
  from: Provider,
  vault: Vault,
  bytes: Uint8Array,
  path: string,
): Promise<{ source: Provider; sid: string }> {
  const { header } = await readHeader(bytes)
  if (header.vault !== vault.id) {
    throw new PspError("not-trusted", `Cannot push ${printable(path)}: it is of another vault than this machine's`)
  }
  // Believed only as far as a trusted writer signed it.
  const { sid, site } = await vault.openFile(bytes)
  if (!vault.known().some((known) => known.sid === sid)) {
    throw new PspError(
      "not-found",
      `Cannot push ${printable(path)}: the vault does not list ${site}; run psp import first`,
    )
  }
  const source = createMemoryProvider()
  await source.put(nameOf(header, await digestOf(bytes)), bytes)
  for await (const { name } of from.list(`${vault.id}/members/`)) {
    const member = await from.get(name)
    if (member !== null) await source.put(name, member)
  }
  return { source, sid }
}
