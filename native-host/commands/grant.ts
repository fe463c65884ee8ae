import { PspError } from "../../shared/errors.js"
import { nameWords } from "../../shared/field-names.js"
import { grantedNames } from "../../shared/granted-names.js"
import { handoffCommands } from "../../shared/handoff-commands.js"
import { handoffSentence, type HandoffWords } from "../../shared/handoff-sentence.js"
import { parseCard, type Card } from "../../shared/keys.js"
import { distinctName } from "../../shared/merge/describe.js"
import { defaultAccount, parseSite } from "../../shared/site.js"
import type { Snapshot } from "../../shared/snapshot.js"
import type { Grant, Vault } from "../../shared/vault.js"
import { chosenOf, type GrantChoice } from "../../shared/vault/grant-names.js"
import { refuseOwnDevice } from "../card-oddities.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { parseChoice, type ChoiceOptions } from "../grant-choice.js"
import { ownAddress } from "../copy-sessions.js"
import { openVaultFor, parseEnd, record } from "../sessions.js"
import { shownAddress, splitPassword } from "../store-address.js"
import { printable, timeText } from "../terminal.js"

export type GrantCommandOptions = CommonOptions &
  ChoiceOptions & {
    until?: string
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
  const choice = parseChoice(options)
  const expiresAt = options.until === undefined ? undefined : parseEnd(options.until, context.now())
  const saveBack = options.saveBack === true
  const vault = await openVaultFor(context, options)
  await vault.refresh()
  // Before anybody is asked.
  if (!vault.isOwner)
    throw new PspError("not-owner", "Cannot grant: this machine is not one of the vault's owner devices")
  await refuseOwnDevice(context, vault, bot)
  // A session may hold the login of an identity provider as well.
  const saved = await vault.load(site, { account })
  if (saved !== null) await refuseStrangeNames(vault, choice, saved)
  const others = saved?.sites.slice(1) ?? []
  const terms = {
    name: bot.name,
    site,
    account,
    others,
    kinds: choice.kinds ?? "all",
    names: choice.names ?? null,
    saveBack,
    expiresAt: expiresAt ?? null,
  } as const
  await confirmGrant(context, options, bot, handoffSentence(words, terms))
  const granted = await vault.grant(bot.text, {
    site,
    account,
    sites: [site, ...others],
    saveBack,
    ...choice,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  })
  await record(context, vault, {
    kind: "granted",
    site,
    account,
    tool: "psp grant",
    bot: { name: bot.name, fingerprint: bot.fingerprint },
    names: grantedNames(granted),
  })
  const { address } = splitPassword(await ownAddress(context, options))
  const commands = handoffCommands(vault.card.text, { site, account, store: shownAddress(address) })
  return {
    text: [
      "Granted. On the bot, with credentials of its own for the store:",
      "",
      ...commands.map((line) => `  ${line}`),
    ].join("\n"),
    json: { ...grantToJson(granted), commands },
  }
}

/** Before anybody is asked, too. @throws `usage` for a name that the session does not hold */
async function refuseStrangeNames(vault: Vault, choice: GrantChoice, saved: Snapshot): Promise<void> {
  const [site] = saved.sites
  const granted = (await vault.grants()).filter((one) => one.site === site && one.account === saved.account)
  const before = granted.flatMap(({ names }) => names ?? [])
  chosenOf(choice, saved, before)
}

/** A grant as programs read it. */
export function grantToJson({ card, ...granted }: Grant) {
  const { name, fingerprint, text } = card
  const { site, account, sites, kinds, names, saveBack, expiresAt, hasEnded } = granted
  return { bot: { name, fingerprint, card: text }, site, account, sites, kinds, names, saveBack, expiresAt, hasEnded }
}

/** The sentence as a terminal shows it. */
const words: HandoffWords = {
  account: (site, account) => `${site}, account "${printable(account)}"`,
  others: (sites) => ` and at ${sites}, which the session holds as well`,
  only: (kinds) => `, but of it only ${kinds}`,
  name: (kind, name) => `${nameWords[kind]} "${distinctName(name)}"`,
  names: (first, more) => {
    const all = more === 0 ? first : [...first, `${more} more`]
    return [all.slice(0, -1).join(", "), ...all.slice(-1)].filter((text) => text !== "").join(" and ")
  },
  until: (ms) => `until ${timeText(ms)}`,
  untilRevoked: () => "until you revoke it",
  saveBack: () => ", and save back what its visits change",
  now: () => "with what is saved now",
  nowAndLater: () => "with what is saved now and later",
  whole: (name, where, what, until) =>
    `"${printable(name)}" will be able to act as you at ${where}, ${what}, ${until}.`,
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
