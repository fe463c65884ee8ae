import { lstat } from "node:fs/promises"
import { PspError } from "../../shared/errors.js"
import { aboutDevice } from "../../shared/device-events.js"
import { identityToText, parseCard } from "../../shared/keys.js"
import { createRecovery, recoveryName } from "../../shared/recovery.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { publicPart } from "../confirm-card.js"
import { writePrivateFile } from "../private-file.js"
import { openVaultFor, record } from "../sessions.js"

export type RecoveryOptions = CommonOptions & { words?: boolean; out?: string }

/**
 * Makes an owner device that is kept on paper, or in a file somewhere else: with it `psp recover` opens the vault when every other
 * one is lost. It is shown once and kept nowhere.
 */
export async function recoveryCreate(
  context: CommandContext,
  { out, ...options }: RecoveryOptions,
): Promise<CommandResult> {
  const { say, env, home } = context
  if (out !== undefined && (await lstat(out).catch(() => null)) !== null) {
    throw new PspError("usage", `Cannot write the recovery identity: ${out} is there already; choose another place`)
  }
  const vault = await openVaultFor({ ...context, env, home }, options)
  const { words, identity } = createRecovery()
  // The words only once they open everything.
  const card = await vault.addRecovery(identity)
  await record(context, vault, aboutDevice("added", card, "psp recovery create"))
  const before = vault.owners().filter(({ name, writerId }) => name === recoveryName && writerId !== card.writerId)
  for (const one of before) {
    say(`An earlier one is still good; to end it: psp devices remove "${(await parseCard(one.text)).fingerprint}"`)
  }
  const shown = { ...publicPart(card), vault: vault.id }
  if (out !== undefined) {
    await writePrivateFile(out, `${identityToText({ ...identity, vault: vault.id })}\n`)
    return {
      text: `Written to ${out}, for you only. Whoever has it opens everything: take it off this machine.`,
      json: { ...shown, file: out },
    }
  }
  say("Whoever has these words opens everything. Write them down now; nobody can show them again.")
  const numbered = words.map((word, at) => `${String(at + 1).padStart(2)} ${word.padEnd(9)}`)
  const lines = Array.from({ length: Math.ceil(numbered.length / 4) }, (_, row) =>
    numbered
      .slice(row * 4, row * 4 + 4)
      .join("  ")
      .trimEnd(),
  )
  return { text: lines.join("\n"), json: { ...shown, words } }
}
