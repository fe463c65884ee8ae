import { readFile } from "node:fs/promises"
import { aboutDevice, isNoted } from "../../shared/device-events.js"
import { PspError } from "../../shared/errors.js"
import { createCard, parseCard, parseIdentity, type Identity } from "../../shared/keys.js"
import { recoveryFromWords, recoveryName } from "../../shared/recovery.js"
import type { Provider } from "../../shared/provider.js"
import { openVault, type Vault } from "../../shared/vault.js"
import { ownWordOnly, vaultsTo } from "../../shared/vault/recovery.js"
import { parseRemembered } from "../../shared/vault-memory.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { publicPart } from "../confirm-card.js"
import { fileMemory, isOwnVaultEmpty, joinVault } from "../home-vault.js"
import { createIdentityFile, hasIdentity, readIdentity } from "../identity-file.js"
import { record } from "../sessions.js"
import { openHomeStore } from "../stores.js"
import { printable } from "../terminal.js"
import { unlockOf } from "../unlock.js"
import { letInLines, removalJson, removalText, removeDevice } from "./devices.js"
import { machineName } from "./keygen.js"

export type RecoverOptions = CommonOptions & { from?: string; name?: string; removeLost?: string }

/**
 * Opens a vault with its recovery identity and makes this machine one of its owner devices, with keys of its own. May be repeated
 * after it broke off: the machine then stays the one that it became.
 */
export async function recover(context: CommandContext, options: RecoverOptions): Promise<CommandResult> {
  const { home, env, say } = context
  if ((env["PSP_IDENTITY"] ?? "") !== "") {
    throw new PspError("usage", "Cannot recover into PSP_IDENTITY: unset it; this machine gets an identity of its own")
  }
  const recovery = await readRecovery(context, options.from)
  const provider = await openHomeStore(home, env, options.store)
  context.closeLater(provider)
  const paper = await openByPaper(provider, recovery, context.now)
  await refuseOther(context, provider, paper)
  if (!(await hasIdentity(home, env))) await createIdentityFile(home, options.name ?? machineName())
  const identity = await readIdentity(home, env, unlockOf(context))
  const own = await parseCard(await createCard({ ...identity, vault: paper.id }))
  const isNew = !paper.owners().some(({ writerId }) => writerId === own.writerId)
  await paper.addOwner(own.text)
  // Of its words only the newest is kept, and what it said just now does not last.
  await paper.renewRecovery({ ...recovery, vault: paper.id })
  const vault = await joinVault(home, identity, provider, paper.card)
  if (vault === null) throw new PspError("internal", "Cannot recover: the vault does not name this machine as an owner")
  // Also where a run before this one broke off too early for that.
  if (isNew || !(await isNoted(vault, "recovered", own)))
    await record(context, vault, aboutDevice("recovered", own, "psp recover"))
  const removal =
    options.removeLost === undefined ? null : await removeDevice(context, vault, options.removeLost, "psp recover")
  const others = vault.owners().filter(({ name, writerId }) => writerId !== own.writerId && name !== recoveryName)
  if (removal === null && others.length > 0) {
    say("Is one of these lost? Then take it out: psp devices remove NAME")
    for (const { name, fingerprint } of others) say(`  ${printable(name)}: ${fingerprint}`)
  }
  const sessions = vault.known()
  return {
    text: [
      `Recovered: this machine is an owner device now, "${printable(own.name)}" (${own.fingerprint}); sessions: ${sessions.length}.`,
      ...(options.store === undefined ? [] : ["To use this store from now on: psp config set store ADDRESS"]),
      ...(removal === null ? [] : [removalText(removal), ...letInLines(removal.letIn)]),
    ].join("\n"),
    json: {
      device: publicPart(own),
      sessions: sessions.map(({ site, account }) => ({ site, account })),
      devices: others.map(publicPart),
      lost: removal === null ? null : removalJson(removal),
    },
  }
}

/** From a file, or word for word; never from the command line, which others on this machine can read. */
async function readRecovery({ readSecret }: CommandContext, from: string | undefined): Promise<Identity> {
  if (from !== undefined) {
    const text = await readFile(from, "utf8").catch(() => {
      throw new PspError("usage", `Cannot read the recovery identity: the system does not let us read ${from}`)
    })
    return text.trim().startsWith("PSP-IDENTITY-1") ? parseIdentity(text) : recoveryFromWords(text)
  }
  const typed = await readSecret("The 24 recovery words (not shown): ")
  if (typed === null || typed.trim() === "") {
    throw new PspError("usage", "Cannot recover without the words: type them, pipe them in, or name a file with --from")
  }
  return recoveryFromWords(typed)
}

async function openByPaper(provider: Provider, recovery: Identity, now: () => number): Promise<Vault> {
  const [id, ...others] = recovery.vault === null ? await vaultsTo(provider, recovery) : [recovery.vault]
  if (id === undefined || others.length > 0) {
    const why =
      id === undefined ? "this store holds no vault that they open" : "this store holds several vaults of theirs"
    throw new PspError("not-found", `Cannot recover with these words: ${why}; check --store, and the words`)
  }
  const vault = await openVault(provider, {
    identity: { ...recovery, vault: id },
    memory: await ownWordOnly(recovery, id),
    now,
  })
  await vault.refresh()
  if (vault.isOwner) return vault
  throw new PspError(
    "not-owner",
    "Cannot recover: this recovery identity was removed from the vault, or the store does not show what it wrote",
  )
}

/** What this machine holds already must not be left behind in silence. */
async function refuseOther(context: CommandContext, provider: Provider, paper: Vault): Promise<void> {
  const { home, env } = context
  const text = await fileMemory(home).read()
  const remembered = text === null ? null : parseRemembered(text)
  if (remembered !== null && remembered.vault !== paper.id) {
    throw new PspError(
      "card-changed",
      "Cannot recover: this machine has another vault already; choose another PSP_HOME",
    )
  }
  if (remembered !== null || !(await hasIdentity(home, env))) return
  const identity = await readIdentity(home, env, unlockOf(context))
  if (identity.vault === paper.id || (await isOwnVaultEmpty(identity, provider))) return
  throw new PspError("card-changed", "Cannot recover: this machine's own vault already holds sessions")
}
