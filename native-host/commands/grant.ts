import { PspError } from "../../shared/errors.js"
import { parseCard, type Card } from "../../shared/keys.js"
import { kinds as allKinds, type Kind } from "../../shared/report.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { Grant, Vault } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { ownAddress } from "../copy-sessions.js"
import { openVaultFor, parseEnd } from "../sessions.js"
import { shownAddress, splitPassword } from "../store-address.js"
import { printable, timeText } from "../terminal.js"

export type GrantCommandOptions = CommonOptions & {
  until?: string
  kinds?: string
  saveBack?: boolean
  yes?: boolean
}

/**
 * Lets a bot open one session from the store: shows whose card it is and what the bot will be able to do, asks, and prints what
 * to run there. Nothing of that is a secret.
 */
export async function grant(
  context: CommandContext,
  options: GrantCommandOptions,
  cardText: string,
  siteText: string,
): Promise<CommandResult> {
  const site = parseSite(siteText)
  const account = options.account ?? defaultAccount
  const bot = await parseCard(cardText)
  const kinds = options.kinds === undefined ? undefined : parseKinds(options.kinds)
  const expiresAt = options.until === undefined ? undefined : parseEnd(options.until, context.now())
  const terms = { site, account, kinds: kinds ?? ("all" as const), saveBack: options.saveBack === true, expiresAt }
  const vault = await openVaultFor(context, options)
  await vault.refresh()
  // Before anybody is asked.
  if (!vault.isOwner)
    throw new PspError("not-owner", "Cannot grant: this machine is not one of the vault's owner devices")
  // A session may hold the login of an identity provider as well.
  const others = (await vault.load(site, { account }))?.sites.slice(1) ?? []
  await confirmGrant(context, options, bot, sentenceOf(bot, { ...terms, others }))
  const granted = await vault.grant(bot.text, {
    site,
    account,
    sites: [site, ...others],
    saveBack: terms.saveBack,
    ...(kinds === undefined ? {} : { kinds }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  })
  const commands = await commandsFor(context, options, vault, granted)
  return {
    text: [
      "Granted. On the bot, with credentials of its own for the store:",
      "",
      ...commands.map((line) => `  ${line}`),
    ].join("\n"),
    json: { ...grantToJson(granted), commands },
  }
}

/** A grant as programs read it. */
export function grantToJson({ card, site, account, sites, kinds, saveBack, expiresAt, hasEnded }: Grant) {
  const { name, fingerprint, text } = card
  return { bot: { name, fingerprint, card: text }, site, account, sites, kinds, saveBack, expiresAt, hasEnded }
}

/** One sentence: what the bot will be able to do. */
function sentenceOf(
  { name }: Pick<Card, "name">,
  {
    site,
    account,
    kinds,
    saveBack,
    expiresAt,
    others,
  }: Pick<Grant, "site" | "account" | "kinds" | "saveBack"> & { expiresAt: number | undefined; others: string[] },
): string {
  const which = account === defaultAccount ? site : `${site}, account "${printable(account)}"`
  const what = kinds === "all" ? "" : `, but of it only ${kinds.join(", ")}`
  const until = expiresAt === undefined ? "until you revoke it" : `until ${timeText(expiresAt)}`
  const back = saveBack ? ", and save back what its visits change" : ""
  const beside = others.length === 0 ? "" : ` and at ${others.join(", ")}, which the session holds as well`
  return `"${printable(name)}" will be able to act as you at ${which}${beside}${what}, with what is saved now and later, ${until}${back}.`
}

async function confirmGrant(
  { say, confirm }: CommandContext,
  { yes }: GrantCommandOptions,
  bot: Card,
  sentence: string,
): Promise<void> {
  say(`${printable(bot.name)}: ${bot.fingerprint}`)
  say(sentence)
  if (yes === true) return
  const answer = await confirm("Are these the words that the bot's psp card shows, and is that what you want? [y/N] ")
  if (answer === null) {
    throw new PspError(
      "usage",
      "Cannot ask whether to grant: there is no terminal; compare the words above and add --yes",
    )
  }
  if (!answer) throw new PspError("not-trusted", `Not granted to "${printable(bot.name)}"`)
}

/** What makes the bot find it: whom to trust and where it lies; its identity and its credentials are its own. */
async function commandsFor(
  context: CommandContext,
  options: GrantCommandOptions,
  vault: Vault,
  { site, account }: Grant,
): Promise<string[]> {
  const { address } = splitPassword(await ownAddress(context, options))
  const store = `--store ${shellWord(shownAddress(address))}`
  const which = account === defaultAccount ? shellWord(site) : `${shellWord(site)} --account ${shellWord(account)}`
  return [`psp trust ${vault.card.text} ${store}`, `psp restore ${which} ${store} --format playwright --out state.json`]
}

/** Text that a POSIX shell reads as one word. */
function shellWord(text: string): string {
  return /^[\w.,:/@%+=-]+$/.test(text) ? text : `'${printable(text).replaceAll("'", "'\\''")}'`
}

function parseKinds(text: string): Kind[] {
  const names = text.split(",").map((name) => name.trim())
  const found = allKinds.filter((kind) => names.includes(kind))
  if (found.length === 0 || names.some((name) => !allKinds.some((kind) => kind === name))) {
    throw new PspError("usage", `Cannot grant these kinds: expected some of ${allKinds.join(",")}`)
  }
  return found
}
