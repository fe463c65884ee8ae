import { hex, randomBytes, utf8 } from "../../shared/bytes.js"
import { exitByCode, PspError, toPspError } from "../../shared/errors.js"
import type { Provider } from "../../shared/provider.js"
import type { Defect, VerifyReport } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { copyLines, copySelected, copyWith, ownAddress, withStores, type Ends } from "../copy-sessions.js"
import type { CopyReport } from "../copy.js"
import { untilInterrupted } from "../interruption.js"
import { openVaultFor } from "../sessions.js"
import { shownAddress } from "../store-address.js"
import { countText, printable } from "../terminal.js"
import { configSet } from "./config.js"

export type MigrateOptions = CommonOptions & { to: string; despiteDefects?: boolean }

/**
 * Copies everything of the vault to another store, verifies it there, and only then makes that the store of this machine.
 * The old one stays as it is. Broken off anywhere, the same command goes on.
 */
export async function migrate(context: CommandContext, options: MigrateOptions): Promise<CommandResult> {
  const ends = { from: await ownAddress(context, options), to: options.to }
  return withStores(context, options, ends, async (stores) => {
    await refuseSameStore(stores, context.now())
    const copy = await copySelected(context, options, stores, "all")
    const { checked, defects } = await verifyThere(context, options)
    if (checked < copy.copied + copy.skipped) throw shownLate(checked)
    const isSound = copy.failed.length === 0 && defects.length === 0
    if (!isSound && options.despiteDefects !== true) return notSwitched(copy, defects, ends)
    await configSet(context, options, "store", ends.to)
    // What a browser saved while the first copy ran.
    const late = await copyWith(context, stores, stores.vault.id).catch((error: unknown) =>
      toPspError(error, "Copying"),
    )
    return switched(context, { copy, late, defects }, ends)
  })
}

/** One store may have several addresses; to remove "the old one" would then remove the only one. */
async function refuseSameStore({ from, to }: { from: Provider; to: Provider }, now: number): Promise<void> {
  const name = `probe/${hex(randomBytes(16))}`
  const hour = 60 * 60 * 1000
  try {
    await to.put(name, utf8("the same store?"), { expiresAt: now + hour })
    if ((await from.get(name)) === null) return
  } finally {
    await to.remove(name)
  }
  throw new PspError("usage", "Cannot migrate: both addresses are of the same store, which this machine uses already")
}

async function verifyThere(context: CommandContext, options: MigrateOptions): Promise<VerifyReport> {
  const vault = await openVaultFor(context, { ...options, store: options.to })
  const told =
    "everything is copied, but not verified yet, and the store is still the old one; the same command goes on"
  return untilInterrupted(context.interrupted(), told, (signal) =>
    vault.verify({
      signal,
      onProgress: ({ checked, ...progress }) => context.progress({ doing: "Verifying", done: checked, ...progress }),
    }),
  )
}

function shownLate(checked: number): PspError {
  return new PspError(
    "unreachable",
    `Cannot migrate yet: everything is copied, but the other store shows only ${checked} object(s) of it; it may need a ` +
      "minute to show what was put, so run the same command again",
  )
}

function notSwitched(copy: CopyReport, defects: Defect[], { from, to }: Ends): CommandResult {
  const lines = [
    ...defectLines(defects),
    ...copyLines(copy, to),
    `Not switched: the store is still ${printable(shownAddress(from))}. Mend what is named above and run the same command again, ` +
      "or leave it behind with --despite-defects.",
  ]
  return {
    text: lines.join("\n"),
    json: { switched: false, from: shownAddress(from), to: shownAddress(to), copy, defects },
    exitCode: exitByCode.damaged,
  }
}

function switched(
  { env }: CommandContext,
  { copy, late, defects }: { copy: CopyReport; late: CopyReport | PspError; defects: Defect[] },
  { from, to }: Ends,
): CommandResult {
  const [old, now] = [from, to].map((address) => printable(shownAddress(address)))
  const isCaughtUp = !(late instanceof PspError)
  const isOverridden = (env["PSP_STORE"] ?? "") !== ""
  const lines = [
    ...defectLines(defects),
    ...copyLines(copy, to),
    `This machine's store is now ${now}.`,
    ...(isCaughtUp && late.copied > 0
      ? [`Saved meanwhile and copied after that: ${countText(late.copied, "object")}.`]
      : []),
    ...(isCaughtUp ? [] : [`What was saved meanwhile could not be copied: ${late.message}`]),
    ...(isOverridden ? ["PSP_STORE is set and still wins over it: change it too."] : []),
    `The old store, ${old}, is as it was, and yours to remove. A save that was on its way meanwhile may have ended there:`,
    "psp pull --all --from OLD-STORE brings it here.",
  ]
  return {
    text: lines.join("\n"),
    json: {
      switched: true,
      from: shownAddress(from),
      to: shownAddress(to),
      copy,
      defects,
      late: isCaughtUp ? late : { error: { code: late.code, message: late.message } },
      overriddenBy: isOverridden ? "PSP_STORE" : null,
    },
    ...(isCaughtUp ? {} : { exitCode: exitByCode[late.code] }),
  }
}

function defectLines(defects: Defect[]): string[] {
  return defects.map(({ code, name, message }) => `${code}  ${printable(name)}\n  ${printable(message)}`)
}
