import { isPspError } from "../shared/errors.js"
import { recordAccess } from "../shared/record-access.js"
import type { Grant } from "../shared/vault.js"
import { withHost, withVaultOffline } from "./host.js"
import { tool } from "./note-access.js"

/** One session that one bot may open, or could. */
export interface Handoff extends Omit<Grant, "card"> {
  /** The bot's. */
  name: string
  fingerprint: string
  card: string
}

export interface Handoffs {
  list: Handoff[]
  /** False: the computer cannot be asked, and this is what this browser remembers. */
  isKnown: boolean
}

export async function listHandoffs(): Promise<Handoffs> {
  try {
    const list = await withHost(async (vault) => {
      await vault.refresh()
      return vault.grants()
    })
    return { list: list.map(handoffOf), isKnown: true }
  } catch (error) {
    if (!isPspError(error)) throw error
    const remembered = await withVaultOffline((vault) => vault.grants()).catch(noneYet)
    return { list: remembered.map(handoffOf), isKnown: false }
  }
}

export interface Revoked {
  /** Where only a logout ends what the bot has read. */
  sites: string[]
  /** One sentence where the access history does not tell of it. */
  untold: string | null
}

/** Takes back what a bot was granted: one session, or all. @throws as `vault.revoke` */
export async function revokeHandoff(card: string, session: { site: string; account: string } | null): Promise<Revoked> {
  return withHost(async (vault) => {
    const revoked = await vault.revoke(card, { ...session })
    const { name, fingerprint } = revoked.card
    const untold = await recordAccess(
      vault,
      revoked.sessions.map(({ site, account }) => ({
        ...{ kind: "revoked" as const, site, account, tool },
        bot: { name, fingerprint },
      })),
    )
    return { sites: [...new Set(revoked.sessions.flatMap(({ sites }) => sites))].sort(), untold }
  })
}

/** What a person's click may open; null for what is no site. */
export function siteLink(site: string): string | null {
  const text = `https://${site}/`
  return URL.canParse(text) && new URL(text).hostname === site ? text : null
}

function handoffOf({ card, ...grant }: Grant): Handoff {
  return { ...grant, name: card.name, fingerprint: card.fingerprint, card: card.text }
}

function noneYet(error: unknown): Grant[] {
  if (isPspError(error)) return []
  throw error
}
