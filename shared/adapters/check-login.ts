import { isPspError } from "../errors.js"
import { isCheckAddress, judgeLogin, type Expected, type LoginVerdict } from "../login-check.js"
import { lookAtLogin, type LoginSight } from "../page/look-at-login.js"
import type { Snapshot, TabState } from "../snapshot.js"
import type { RestoreOptions } from "./adapter.js"
import { watchClose, type DrivenContext, type DrivenPage, type DrivenTarget } from "./driven-context.js"
import { pageExpression } from "./page-expression.js"
import { openTabAlone, seedNextTab, waitingTab } from "./session-seed.js"
import { createSteps } from "./steps.js"

export interface CheckOptions extends Pick<RestoreOptions, "signal" | "timeoutMs"> {
  /** False: the sessionStorage that the page gets is not emptied before. */
  replace?: boolean
  /** What the look is part of, for messages: `restore session`. */
  doing: string
  /** Ends the look when the context closes. */
  gone: AbortSignal
  /** False: the page gets no sessionStorage. */
  withSession: boolean
  /** Tabs that were opened for the session: one that is where the check is about is looked at, and stays. */
  opened?: readonly { tab: TabState; page: DrivenPage }[]
}

/**
 * Looks in a page of its own, which closes again, whether one is logged in. The site is asked for the remembered page, or
 * without one for that of the first tab.
 *
 * @throws `aborted` when called off, `bad-target` when the context closes; a site that does not answer is unclear
 */
export async function checkLogin(
  context: DrivenContext,
  snapshot: Snapshot,
  options: CheckOptions,
): Promise<LoginVerdict> {
  const expected = expectedOf(snapshot)
  if (expected === null) return { result: "unclear", why: "the session tells no page to look at" }
  const { signal, timeoutMs = 30_000, gone, replace = true, opened = [] } = options
  // The page has its own limit; this one is for tools that do not answer.
  const step = createSteps(options.doing, { ...(signal && { signal }), timeoutMs: 2 * timeoutMs }, gone)
  const there = opened.find(({ tab, page }) => tab.url === expected.url && !page.isClosed())
  try {
    return await step("looking whether one is logged in", async () => {
      if (there !== undefined) return look(there.page, expected, timeoutMs)
      const tab = tabFor(snapshot, expected.url, options.withSession)
      return openTabAlone(context, tab, replace, timeoutMs, (page) =>
        page === null ? judgeLogin(expected, null) : look(page, expected, timeoutMs),
      )
    })
  } catch (error) {
    if (signal?.aborted === true || gone.aborted || !isPspError(error, "aborted")) throw error
    return { result: "unclear", why: "the page did not answer" }
  }
}

/**
 * Looks in a context that is in use. sessionStorage that still waits there for a tab waits on afterwards: a look would take it.
 *
 * @throws as `checkLogin` does
 */
export async function lookAgain(
  { context }: Pick<DrivenTarget, "context">,
  snapshot: Snapshot,
  options: Pick<CheckOptions, "doing" | "signal" | "timeoutMs">,
): Promise<LoginVerdict> {
  const { gone, stop } = watchClose(context)
  const waiting = waitingTab(context)
  try {
    const kept = waiting === null ? snapshot : { ...snapshot, tabs: [waiting.tab, ...(snapshot.tabs ?? [])] }
    return await checkLogin(context, kept, { ...options, gone, withSession: true })
  } finally {
    stop()
    if (waiting !== null && !gone.aborted) await seedNextTab(context, waiting.tab, waiting.replace)
  }
}

/** The page is left alone for so long (ms), for the scripts that send it to a login, or fetch what it shows. */
const settling = { withMarks: 3_000, without: 1_000 }
/** A page that never ends loading is looked at as it is (ms). */
const patience = 15_000
const betweenLooks = 100

async function look(page: DrivenPage, expected: Expected, timeoutMs: number): Promise<LoginVerdict> {
  const { text = null, selector = null } = expected
  const expression = pageExpression(lookAtLogin, { text, selector })
  const settle = text === null && selector === null ? settling.without : settling.withMarks
  const end = Date.now() + Math.min(timeoutMs, patience)
  let seen: LoginSight | null = null
  let quietSince = Date.now()
  while (Date.now() < end && !page.isClosed()) {
    // Fails while one document takes the place of another.
    const now = await page.evaluate(expression).then(parse, () => null)
    if (now === null || now.url !== seen?.url || !now.isLoaded) quietSince = Date.now()
    seen = now ?? seen
    if (now?.isLoaded === true) {
      const verdict = judgeLogin(expected, now)
      if (verdict.result === "logged-in" && settle === settling.withMarks) return verdict
      if (Date.now() - quietSince >= settle) return verdict
    }
    await new Promise((resolve) => setTimeout(resolve, betweenLooks))
  }
  return judgeLogin(expected, seen)
}

function parse(answer: unknown): LoginSight {
  return JSON.parse(String(answer)) as LoginSight
}

function expectedOf({ check, tabs, sites }: Snapshot): Expected | null {
  if (check !== undefined) return { ...check, isRemembered: true }
  const tab = tabs?.find(({ url }) => isCheckAddress(url, sites))
  return tab === undefined ? null : { url: tab.url, isRemembered: false }
}

/** The first tab that has sessionStorage where the check is about. */
function tabFor({ tabs = [] }: Snapshot, url: string, withSession: boolean): TabState {
  const { origin } = new URL(url)
  const tab = tabs.find((one) => one.sessionStorage.some((state) => state.origin === origin))
  return { id: "", url, sessionStorage: withSession ? (tab?.sessionStorage ?? []) : [] }
}
