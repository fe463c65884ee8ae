import { browser } from "wxt/browser"
import { isPspError, PspError } from "../shared/errors.js"
import { isCheckAddress, type LoginCheck } from "../shared/login-check.js"
import { withCheck } from "../shared/login-state.js"
import { pickElement } from "../shared/page/pick-element.js"
import type { Snapshot } from "../shared/snapshot.js"
import { hiddenAccounts } from "./accounts.js"
import { deleteKept, readKept, writeKept } from "./db.js"
import type { SessionName } from "./forget.js"
import { withHost } from "./host.js"
import { i18n } from "./i18n.js"
import { endsIn } from "./keep-rules.js"
import { listWaiting } from "./outbox.js"
import { sendWith } from "./send.js"

/**
 * How being logged in looks, for each session. The place for it is the sealed session; this browser keeps it too, so that a
 * save takes it along while the computer is away. Of private windows it is kept in memory only.
 */
interface Kept {
  check: LoginCheck | null
  /** No save has taken it along yet: what the store says is older. */
  isUnsaved: boolean
}

/** Long enough to find the place, shorter than the life of a background that makes no call (ms). */
const pickingTime = 25_000

export async function loginCheckOf(site: string, account: string): Promise<LoginCheck | null> {
  return (await readCheck({ site, account })).check
}

/** What the store has of it, unless this browser knows something newer. */
export async function learnLoginCheck(session: SessionName, check: LoginCheck | null): Promise<void> {
  const known = await readCheck(session)
  if (known.isUnsaved || JSON.stringify(known.check) === JSON.stringify(check)) return
  const isWaiting = ({ site, account }: SessionName) => site === session.site && account === session.account
  if ((await listWaiting()).some(isWaiting)) return
  await keep(session, { check, isUnsaved: false })
}

/** The snapshot that is about to be sealed, with what is remembered for it. */
export async function takeCheckAlong(snapshot: Snapshot): Promise<Snapshot> {
  return withCheck(snapshot, await loginCheckOf(snapshot.sites[0], snapshot.account))
}

/** It was sealed: from now on the store knows, or soon will. */
export async function noteCheckSealed({ sites: [site], account, check }: Snapshot): Promise<void> {
  const known = await readCheck({ site, account })
  if (known.isUnsaved && JSON.stringify(known.check) === JSON.stringify(check ?? null)) {
    await keep({ site, account }, { ...known, isUnsaved: false })
  }
}

/**
 * Remembers it, or with null nothing any more, and seals the saved session anew with it.
 *
 * @returns false while the computer is away: it then goes with the next save
 * @throws `usage` for an address that is not of the site
 */
export async function rememberLoginCheck(session: SessionName, check: LoginCheck | null): Promise<boolean> {
  const { site, account } = session
  if (check !== null && !isCheckAddress(check.url, [site])) {
    throw new PspError("usage", `Cannot remember how being logged in looks: the address is not of ${site}`)
  }
  await keep(session, { check, isUnsaved: true })
  try {
    return await withHost(async (vault) => {
      await sendWith(vault)
      const saved = await vault.loadSession(site, { account })
      if (saved === null) return false
      const { check: before, ...rest } = saved.snapshot
      const snapshot = withCheck(rest, check)
      // Nothing but the check is new: the time of all else goes on.
      if (before !== undefined || check !== null)
        await vault.save(snapshot, { expiresAt: saved.expiresAt, endOf: endsIn(saved) })
      await noteCheckSealed(snapshot)
      return true
    })
  } catch (error) {
    if (!isPspError(error)) throw error
    return false
  }
}

/** Lets the person point at the element in the tab; false when they did not. @throws as `rememberLoginCheck` */
export async function pickLoginElement(tabId: number, session: SessionName, check: LoginCheck): Promise<boolean> {
  await browser.tabs.update(tabId, { active: true })
  const args: [{ hint: string; timeoutMs: number }] = [{ hint: i18n.t("pickHint"), timeoutMs: pickingTime }]
  const results = await browser.scripting.executeScript({ target: { tabId }, func: pickElement, args }).catch(() => [])
  const selector: unknown = results[0]?.result
  if (typeof selector !== "string") return false
  await rememberLoginCheck(session, { ...check, selector })
  return true
}

export async function forgetLoginCheck({ site, account }: SessionName): Promise<void> {
  await deleteKept(nameOf({ site, account }))
  await browser.storage.session.remove(nameOf({ site, account }))
}

async function readCheck(session: SessionName): Promise<Kept> {
  const name = nameOf(session)
  const hidden = (await browser.storage.session.get(name))[name] as string | undefined
  const text = hidden ?? (await readKept(name))
  return text === null ? { check: null, isUnsaved: false } : (JSON.parse(text) as Kept)
}

async function keep(session: SessionName, kept: Kept): Promise<void> {
  const name = nameOf(session)
  const text = JSON.stringify(kept)
  if ((await hiddenAccounts(session.site)).includes(session.account))
    await browser.storage.session.set({ [name]: text })
  else await writeKept(name, text)
}

function nameOf({ site, account }: SessionName): string {
  return `login check ${site} ${account}`
}
