import { isRefused, odditiesOf, type CardOddity } from "../shared/card-oddities.js"
import { isPspError, PspError } from "../shared/errors.js"
import { namesIn } from "../shared/field-names.js"
import { fileNames, grantedNames } from "../shared/granted-names.js"
import { fileCommands, handoffCommands } from "../shared/handoff-commands.js"
import { parseCard, type Card } from "../shared/keys.js"
import { recordAccess } from "../shared/record-access.js"
import type { Kind } from "../shared/report.js"
import type { Vault } from "../shared/vault.js"
import type { GrantChoice } from "../shared/vault/grant-names.js"
import type { SessionName } from "./forget.js"
import { withHost } from "./host.js"
import type { Connection } from "./native-port.js"
import { tool } from "./note-access.js"
import { sendWith } from "./send.js"
import { askStore } from "./store-choice.js"
import { trustOf } from "./trust.js"

/*
 * Everything here runs in the extension's own page that the person looks at, and nowhere else: no message of any kind makes the
 * background add a recipient.
 */

/** What can be handed off, and to whom it was before. */
export interface HandoffScene {
  /** All of the session. */
  sites: string[]
  /** All that the session holds, by name (`field-names.ts`): nothing else of it leaves the vault here. */
  names: string[]
  /** ms since epoch: when what is saved ends. */
  endsAt: number
  bots: Recipient[]
}

/** Somebody by their card, with what a person has to know of it. */
export interface Recipient {
  name: string
  fingerprint: string
  /** The card. */
  card: string
  oddities: CardOddity[]
  /** False: nothing can be granted to it. */
  isAllowed: boolean
}

export interface HandoffChoice extends SessionName {
  card: string
  /** That the person agreed to. */
  sites: readonly string[]
  kinds: "all" | Kind[]
  /** Only these, whatever `kinds` says; null for whole kinds. */
  names: readonly string[] | null
  saveBack: boolean
  /** ms since epoch; null: until it is revoked. */
  expiresAt: number | null
}

export interface HandedOff {
  /** What to run on the bot. */
  commands: string[]
  /** One sentence where the access history does not tell of it. */
  untold: string | null
}

/** @throws `not-trusted`, `not-found`, and what the host, the store or loading the session throws */
export async function prepareHandoff({ site, account }: SessionName): Promise<HandoffScene> {
  return withHost(async (vault, connection) => {
    await refuseUntrusted(connection)
    await vault.refresh()
    const session = await vault.loadSession(site, { account })
    if (session === null) throw nothingSaved(site)
    const cards = new Map((await vault.grants()).map(({ card }) => [card.recipientId, card]))
    const bots = await Promise.all([...cards.values()].map((card) => recipientOf(vault, card)))
    const { snapshot, expiresAt } = session
    return { sites: [...snapshot.sites], names: namesIn(snapshot), endsAt: expiresAt, bots }
  })
}

/** Reads a card that was pasted, or came as a file: a terminal may have broken its line. @throws `bad-card`, `too-new` */
export async function readRecipient(text: string): Promise<Recipient> {
  const card = await parseCard(text.slice(0, longestText).replace(/\s+/g, ""))
  return withHost(async (vault) => {
    await vault.refresh()
    return recipientOf(vault, card)
  })
}

/**
 * Lets the bot open the session from the store, and tells the access history.
 *
 * @throws `not-trusted`, and as `vault.grant`
 */
export async function handOff({ card, ...choice }: HandoffChoice): Promise<HandedOff> {
  const { site, account, sites, saveBack, expiresAt } = choice
  const bot = await parseCard(card)
  const { address } = await askStore()
  return withHost(async (vault, connection) => {
    await refuseUntrusted(connection)
    await refuseOddities(vault, bot)
    const granted = await vault.grant(bot.text, {
      ...{ site, account, sites, saveBack },
      ...whatOf(choice),
      ...(expiresAt === null ? {} : { expiresAt }),
    })
    const names = grantedNames(granted)
    const untold = await recordAccess(vault, { kind: "granted", site, account, tool, bot: namedOf(bot), names })
    return { commands: handoffCommands(vault.card.text, { site, account, store: address }), untold }
  })
}

export interface HandedOffFile extends HandedOff {
  bytes: Uint8Array<ArrayBuffer>
  name: string
  /** ms since epoch. */
  expiresAt: number
}

/** Seals what is saved now to the bot alone, as a file. @throws as `handOff`, `not-found` */
export async function handOffAsFile({ card, ...choice }: HandoffChoice): Promise<HandedOffFile> {
  const { site, account, kinds, names: chosen, sites } = choice
  const bot = await parseCard(card)
  return withHost(async (vault, connection) => {
    await refuseUntrusted(connection)
    await refuseOddities(vault, bot)
    // What waits is newer than what is there; what cannot go out is told elsewhere.
    await sendWith(vault).catch(ignoreExpected)
    const session = await vault.loadSession(site, { account })
    if (session === null) throw nothingSaved(site)
    const expiresAt = Math.min(choice.expiresAt ?? Infinity, session.expiresAt)
    if (expiresAt <= Date.now()) throw new PspError("usage", `Cannot hand off ${site}: its end is in the past`)
    const bytes = await vault.exportTo(bot.text, site, {
      ...{ account, expiresAt, sites },
      ...whatOf(choice),
    })
    const covered = session.snapshot.sites.filter((one) => sites.includes(one))
    const names = fileNames({ sites: covered, kinds, names: chosen, expiresAt })
    const untold = await recordAccess(vault, { kind: "granted", site, account, tool, bot: namedOf(bot), names })
    const name = fileNameOf(site)
    return { bytes, name, expiresAt, commands: fileCommands(vault.card.text, name), untold }
  })
}

function whatOf({ kinds, names }: Pick<HandoffChoice, "kinds" | "names">): GrantChoice {
  if (names !== null) return { names }
  return kinds === "all" ? {} : { kinds }
}

/** No account and no bot in it: a name is seen by whoever sees a folder. */
export function fileNameOf(site: string): string {
  return `${site.replace(/[^a-z0-9.-]+/gi, "_").replace(/^[.-]+/, "")}.psp`
}

/** A card has up to 600 characters; so much is read of what was pasted. */
export const longestText = 4000

async function recipientOf(vault: Vault, card: Card): Promise<Recipient> {
  const bots = new Map((await vault.grants()).map(({ card: one }) => [one.text, one]))
  const oddities = odditiesOf(
    card,
    { owners: [vault.card, ...vault.owners()], bots: [...bots.values()] },
    await vault.ownsSessions(card),
  )
  return { ...namedOf(card), card: card.text, oddities, isAllowed: !isRefused(oddities) }
}

async function refuseOddities(vault: Vault, bot: Card): Promise<void> {
  await vault.refresh()
  if ((await recipientOf(vault, bot)).isAllowed) return
  throw new PspError(
    "usage",
    `Cannot hand off to "${bot.name}": it is one of your own devices, and opens everything already`,
  )
}

async function refuseUntrusted(connection: Connection): Promise<void> {
  if ((await trustOf(connection)).state === "trusted") return
  throw new PspError("not-trusted", "Cannot hand off: this computer is not trusted; trust it first")
}

function namedOf({ name, fingerprint }: Card): { name: string; fingerprint: string } {
  return { name, fingerprint }
}

function nothingSaved(site: string): PspError {
  return new PspError("not-found", `Cannot hand off ${site}: nothing is saved of it`)
}

function ignoreExpected(error: unknown): void {
  if (!isPspError(error)) throw error
}
