import { isPspError, PspError } from "../shared/errors.js"
import type { EventSays, HeldLease, Lease, LoadedSession, Vault } from "../shared/vault.js"
import type { CommandContext, CommonOptions } from "./command.js"
import { isEnvelopePath } from "./envelope-file.js"
import { findSession } from "./sessions.js"
import { printable } from "./terminal.js"

export type InUseOptions = CommonOptions & {
  /** Seconds, or empty for as long as it takes. */
  wait?: string
  steal?: boolean
}

/**
 * The session that is to be used, once nobody else uses it, where that was asked for. Otherwise whoever uses it is told and nothing
 * more: a lease is advice.
 *
 * @throws as `findSession`, `busy` when the wait took too long, `not-owner` where it is not this machine's to take
 */
export async function takeSession(
  context: CommandContext,
  options: InUseOptions,
  siteText: string,
  does: Pick<EventSays, "kind" | "tool">,
): Promise<{ session: LoadedSession; vault: Vault; inUse: Lease[] }> {
  const { wait, steal } = options
  const most = wait === undefined ? null : parseSeconds(wait)
  const { tool } = does
  if (isEnvelopePath(siteText) && (wait !== undefined || steal === true))
    throw new PspError("usage", `Cannot open ${siteText}: nobody else uses a file; leave out --wait and --steal`)
  const found = await findSession(context, options, siteText, {
    does,
    before: async (vault, site, account) => {
      if (most !== null) await untilFree(context, vault, { site, account, most })
      if (steal === true) await takeOver(context, vault, { site, account, tool })
    },
  })
  if (steal === true) return { ...found, inUse: [] }
  const inUse = (await usersOf(found.vault, found.session)).filter(({ isOwn }) => !isOwn)
  for (const lease of inUse) context.say(`${found.session.site} is ${inUseText(lease)}`)
  return { ...found, inUse }
}

/** `in use by bot ci-1 until 14:05`: no lease is longer than a day. */
export function inUseText({ holder, isBot, until }: Pick<Lease, "holder" | "isBot" | "until">): string {
  const time = new Date(until)
  const [hours, minutes] = [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, "0"))
  return `in use by ${isBot ? "bot " : ""}${printable(holder)} until ${hours}:${minutes}`
}

export type UsedBy = ReturnType<typeof leaseToJson>

/** What programs are told where somebody uses the session. */
export function usersToJson(inUse: Lease[]): { inUse?: UsedBy[] } {
  return inUse.length === 0 ? {} : { inUse: inUse.map(leaseToJson) }
}

/** What programs are told of a lease. */
export function leaseToJson({ holder, isBot, tool, until, isOwn }: Lease) {
  return { holder, isBot, tool, until, isOwn }
}

/**
 * Does the work and says meanwhile that the session is in use. An identity that may not say so, or a store that takes nothing, does
 * not stop the work.
 */
export async function whileHeld<T>(
  { say, now }: Pick<CommandContext, "say" | "now">,
  vault: Vault,
  { site, account, tool }: { site: string; account: string; tool: string },
  work: () => Promise<T>,
): Promise<T> {
  let lease: HeldLease
  try {
    lease = await vault.lease(site, { account, tool, signal: AbortSignal.timeout(patience) })
  } catch (error) {
    if (!isPspError(error, "not-granted") && !isPspError(error, "not-found") && !isPspError(error, "not-owner"))
      say(`Could not say that ${site} is in use; it is used all the same.`)
    return work()
  }
  // One that fails is made up for by the next.
  const renewing = setInterval(() => void lease.renew().catch(() => undefined), (lease.until - now()) / 3)
  try {
    return await work()
  } finally {
    clearInterval(renewing)
    // What is not released ends by itself.
    await lease.release({ signal: AbortSignal.timeout(patience) }).catch(() => undefined)
  }
}

/** For a word that nobody has to hear (ms). */
const patience = 5000
/** Between two looks (ms): more and more, up to this. */
const firstPause = 1000
const longestPause = 15_000

async function untilFree(
  { now, pause, say, interrupted }: CommandContext,
  vault: Vault,
  { site, account, most }: { site: string; account: string; most: number },
): Promise<void> {
  const end = now() + most
  const signal = interrupted()
  let told = ""
  for (let rest = firstPause; ; rest = Math.min(rest * 1.5, longestPause)) {
    const [lease] = (await vault.leases(site, { account, signal })).filter(({ isOwn }) => !isOwn)
    if (lease === undefined) return
    const text = inUseText(lease)
    const left = end - now()
    if (left <= 0)
      throw new PspError(
        "busy",
        `Cannot take the session of ${site}: it is still ${text}; --steal takes it all the same`,
      )
    if (text !== told) say(`${site} is ${text}; waiting`)
    told = text
    await pause(Math.min(rest, left, Math.max(lease.until - now(), 1)), signal)
  }
}

async function takeOver(
  { say }: CommandContext,
  vault: Vault,
  { site, account, tool }: { site: string; account: string; tool: string },
): Promise<void> {
  const others = (await vault.leases(site, { account })).filter(({ isOwn }) => !isOwn)
  if (!vault.isOwner)
    throw new PspError("not-owner", `Cannot take the session of ${site} over: only an owner device can`)
  if (others.length === 0) return
  const held = await vault.lease(site, { account, tool, steal: true })
  for (const lease of others)
    say(`${site} was ${inUseText(lease)}; taken over until ${new Date(held.until).toISOString()}`)
}

/** What cannot be found out is no reason to keep a session from whoever may open it. */
export async function usersOf(
  vault: Vault,
  { site, account }: Pick<LoadedSession, "site" | "account">,
): Promise<Lease[]> {
  try {
    return await vault.leases(site, { account })
  } catch {
    return []
  }
}

/** ms. */
function parseSeconds(text: string): number {
  if (text === "") return Infinity
  if (/^\d{1,7}$/.test(text)) return Number(text) * 1000
  throw new PspError("usage", "Cannot wait: expected whole seconds, as in --wait=30")
}
