import { join } from "node:path"
import { digestOf, readHeader } from "../../shared/envelope.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { readEnvelope } from "../envelope-file.js"
import { writePrivateFile } from "../private-file.js"
import { importsFolder, openVaultFor } from "../sessions.js"
import { printable, timeText } from "../terminal.js"

/** Takes an exported file: back into the vault when it is this machine's own, beside it otherwise. */
export async function importFile(
  context: CommandContext,
  options: CommonOptions,
  path: string,
): Promise<CommandResult> {
  const bytes = await readEnvelope(path, "import")
  const vault = await openVaultFor(context, options)
  const { header } = await readHeader(bytes)
  const isOurs = header.vault === vault.id && vault.isOwner
  const session = isOurs ? await vault.importFile(bytes) : await vault.openFile(bytes)
  if (!isOurs) await writePrivateFile(join(importsFolder(context.home), `${await digestOf(bytes)}.psp`), bytes)
  const { site, account, savedAt, expiresAt, writer } = session
  return {
    text: `Imported ${site}, account "${printable(account)}", saved ${timeText(savedAt)} by ${printable(writer.name)}, ends ${timeText(expiresAt)}`,
    json: { site, account, savedAt, expiresAt, savedBy: writer.name, into: isOurs ? "vault" : "file" },
  }
}
