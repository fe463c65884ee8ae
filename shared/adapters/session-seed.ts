import { seedSessionStorage, settleSeed, type Seed } from "../page/seed-session-storage.js"
import { schemefulSiteOf } from "../partition.js"
import { siteOf } from "../site.js"
import type { TabState } from "../snapshot.js"
import { pageExpression } from "./page-expression.js"
import { disposeOf, type DrivenContext, type DrivenFrame, type DrivenPage } from "./driven-context.js"
import { isClosed } from "./steps.js"

/**
 * Seeds sessionStorage, once, into the next tab that visits one of the tab's origins; its other origins wait for that tab.
 *
 * An init script runs before the site's first script and holds up no request. It is taken away as soon as the tab's
 * navigation is seen here; what can happen in between is guarded in the page (see `seedSessionStorage`). Playwright before
 * 1.59 cannot take a script away: a second one is added then, which undoes the first before the site sees anything.
 */
export async function seedNextTab(context: DrivenContext, tab: TabState, replace: boolean): Promise<void> {
  const seeds = seedsOf(tab, replace)
  if (seeds.length === 0) return
  const nursery = nurseryOf(context)
  await nursery.forget(seeds)
  await nursery.add(seeds, null)
}

/** As `seedNextTab`, into a page that is open, at its next visit. */
export async function seedOpenTab(context: DrivenContext, page: DrivenPage, tab: TabState): Promise<void> {
  const seeds = seedsOf(tab, true)
  if (seeds.length === 0) return
  const nursery = nurseryOf(context)
  await nursery.forget(seeds)
  await nursery.add(seeds, page)
}

/** Opens a page at the address of a captured tab, with that tab's sessionStorage and nobody else's. */
export async function openTab(
  context: DrivenContext,
  tab: TabState,
  replace: boolean,
  timeout = 30_000,
): Promise<DrivenPage> {
  const seeds = seedsOf(tab, replace)
  const page = await context.newPage()
  if (seeds.length > 0) await nurseryOf(context).add(seeds, page)
  await page.goto(tab.url, { waitUntil: "commit", timeout })
  return page
}

/**
 * Opens a page as `openTab` does, for some work, and closes it: what it did not take of its sessionStorage waits for nobody.
 *
 * @param work gets null when the site did not answer
 */
export async function openTabAlone<Result>(
  context: DrivenContext,
  tab: TabState,
  replace: boolean,
  timeout: number,
  work: (page: DrivenPage | null) => Result | Promise<Result>,
): Promise<Result> {
  const seeds = seedsOf(tab, replace)
  const page = await context.newPage()
  try {
    if (seeds.length > 0) {
      const nursery = nurseryOf(context)
      await nursery.forget(seeds)
      await nursery.add(seeds, page)
    }
    const isThere = await page.goto(tab.url, { waitUntil: "commit", timeout }).then(
      () => true,
      (error: unknown) => {
        if (isClosed(error)) throw error
        return false
      },
    )
    return await work(isThere ? page : null)
  } finally {
    await page.close().catch(() => undefined)
    nurseries.get(context)?.tidy()
  }
}

/** Resolves when no seed of the context waits for a tab, or for the end of its tab's first visit. */
export async function whenSeedsRest(context: DrivenContext): Promise<void> {
  await nurseries.get(context)?.rest()
}

/** Origins whose sessionStorage still waits for a tab. */
export function waitingOrigins(context: DrivenContext): string[] {
  return nurseries.get(context)?.origins() ?? []
}

/** What waits for the tab that comes next, as a tab; null where nothing does. */
export function waitingTab(context: DrivenContext): { tab: TabState; replace: boolean } | null {
  const seeds = nurseries.get(context)?.forNext() ?? []
  if (seeds.length === 0) return null
  const sessionStorage = seeds.map(({ origin, top, items }) => {
    // Which ancestor it was below does not matter to a seed.
    const partition = top === null ? null : { topLevelSite: top, hasCrossSiteAncestor: null }
    return { origin, partition, items }
  })
  return { tab: { id: "", url: "about:blank", sessionStorage }, replace: seeds.every(({ replace }) => replace) }
}

function seedsOf({ sessionStorage }: TabState, replace: boolean): Seed[] {
  return sessionStorage.map(({ origin, partition, items }) => ({
    mark: `psp-${crypto.randomUUID()}`,
    origin,
    site: siteOf(origin) ?? "",
    top: partition?.topLevelSite ?? null,
    items,
    replace,
  }))
}

function nurseryOf(context: DrivenContext): Nursery {
  let nursery = nurseries.get(context)
  if (nursery === undefined) nurseries.set(context, (nursery = createNursery(context)))
  return nursery
}

/** Keeps a page of ours out: its visits take no seeds. */
export function hideFromSeeds(page: DrivenPage): void {
  hidden.add(page)
}

interface Nursery {
  /** For the tab that comes next, or for `owner`. */
  add(seeds: Seed[], owner: DrivenPage | null): Promise<void>
  /** Takes back what an earlier restore left for the same storages and no tab has taken. */
  forget(seeds: Seed[]): Promise<void>
  /** Lets go of what waits for tabs that are closed. */
  tidy(): void
  /** Resolves when there is nothing to do. */
  rest(): Promise<void>
  /** Of the seeds that no tab has taken. */
  origins(): string[]
  /** Seeds that any tab may take. */
  forNext(): Seed[]
}

interface Waiting {
  seed: Seed
  script: unknown
  /** The tab that has already taken a sibling; null while any tab may come. */
  owner: DrivenPage | null
  siblings: Seed[]
  /** Documents that were there before the seed: only when they have been left does a visit count. */
  stale: Set<DrivenFrame>
}

interface Taken {
  seed: Seed
  page: DrivenPage
  /** The script that takes the mark away. */
  sweep: Promise<unknown>
  /** Ends when the seed's own script is gone: only then may a document forget that it was seeded. */
  disarmed: Promise<unknown>
}

const nurseries = new WeakMap<DrivenContext, Nursery>()
const hidden = new WeakSet<DrivenPage>()

function createNursery(context: DrivenContext): Nursery {
  let waiting: Waiting[] = []
  /** Taken, but no document of the tab has been told yet that it is for good. */
  let unsettled: Taken[] = []
  const watched = new Map<DrivenPage, () => void>()
  const resting: (() => void)[] = []

  const add = async (seeds: Seed[], owner: DrivenPage | null) => {
    if (watched.size === 0) context.on("page", watch)
    for (const page of context.pages()) watch(page)
    const frames = context.pages().flatMap((page) => page.frames())
    for (const seed of seeds) {
      const stale = new Set(frames.filter((frame) => originOf(frame) === seed.origin))
      waiting.push({ seed, script: null, owner, siblings: seeds, stale })
    }
    const added = waiting.filter(({ seed }) => seeds.includes(seed))
    await Promise.all(
      added.map(async (item) => {
        item.script = await (owner ?? context).addInitScript({ content: pageExpression(seedSessionStorage, item.seed) })
      }),
    )
  }

  const forget = async (seeds: Seed[]) => {
    const old = waiting.filter(({ seed: { origin, top }, owner }) =>
      seeds.some((other) => owner === null && other.origin === origin && other.top === top),
    )
    waiting = waiting.filter((item) => !old.includes(item))
    await Promise.all(old.map(disarm))
    restIfDone()
  }

  const watch = (page: DrivenPage) => {
    if (watched.has(page)) return
    const onNavigated = (frame: DrivenFrame) => void visit(page, frame)
    const onRequest = (request: { isNavigationRequest(): boolean }) => {
      if (!request.isNavigationRequest()) return
      // Which frame it is for may not be known yet: any of the page's.
      for (const frame of page.frames()) for (const { stale } of waiting) stale.delete(frame)
    }
    page.on("framenavigated", onNavigated)
    page.on("request", onRequest)
    watched.set(page, () => {
      page.off("framenavigated", onNavigated)
      page.off("request", onRequest)
    })
    // A popup is where it was sent to before anybody hears of it; a page that was there before is stale.
    if (waiting.length > 0) for (const frame of page.frames()) void visit(page, frame)
  }

  const visit = async (page: DrivenPage, frame: DrivenFrame) => {
    if (hidden.has(page)) return
    for (const item of unsettled.filter((other) => other.page === page)) void settle(item, frame)
    const taken = waiting.find(
      ({ seed, owner, stale }) => (owner ?? page) === page && !stale.has(frame) && isVisit(frame, seed),
    )
    if (taken === undefined) {
      const strays = waiting.filter(
        ({ seed, owner }) => owner !== null && owner !== page && originOf(frame) === seed.origin,
      )
      await Promise.all(strays.map(({ seed }) => takeBack(seed, frame)))
      return
    }
    waiting = waiting.filter((item) => item !== taken)
    const { mark, origin } = taken.seed
    // The order in which the browser hears of these matters, not that of their ends: every document of this tab takes away
    // the mark that its predecessor may have left, before the site sees it; then no tab that comes has the seed.
    const sweep = page.addInitScript({ content: pageExpression(settleSeed, { mark, origin, detail: "sweep" }) })
    const disarming = sent(sweep).then(() => Promise.all([disarm(taken), keepSiblingsFor(page, taken)]))
    const disarmed = Promise.all([sweep, disarming]).catch(() => undefined)
    const item = { seed: taken.seed, page, sweep, disarmed }
    unsettled.push(item)
    await disarmed
    await Promise.all([settle(item, frame), takeBackFromOthers(item)])
    restIfDone()
  }

  const disarm = async ({ seed: { mark, origin }, script, owner }: Waiting) => {
    if (await disposeOf(script)) return
    const content = pageExpression(settleSeed, { mark, origin, detail: "undo" })
    await (owner ?? context).addInitScript({ content })
  }

  /** First in the tab, then no longer in the others: both run in between, and the second sees that the first did. */
  const keepSiblingsFor = async (page: DrivenPage, { siblings }: Waiting) => {
    const others = waiting.filter(({ seed, owner }) => owner === null && siblings.includes(seed))
    await Promise.all(
      others.map(async (other) => {
        const { script } = other
        other.owner = page
        // Both calls at once: a tab that is sent there next finds the script gone.
        const added = page.addInitScript({ content: pageExpression(seedSessionStorage, other.seed) })
        await Promise.all([added.then((own) => (other.script = own)), disposeOf(script)])
      }),
    )
  }

  const settle = async (item: Taken, frame: DrivenFrame) => {
    const { mark, origin } = item.seed
    await item.disarmed
    const told = await frame.evaluate(pageExpression(settleSeed, { mark, origin, detail: "keep" })).catch(() => false)
    if (told !== true && !item.page.isClosed()) return
    unsettled = unsettled.filter((other) => other !== item)
    await item.sweep.then(disposeOf).catch(() => undefined)
    restIfDone()
  }

  /** Tabs that came at the very same moment: they ran the script before it was gone. */
  const takeBackFromOthers = async ({ seed, page }: Taken) => {
    const frames = context
      .pages()
      .filter((other) => other !== page && !hidden.has(other))
      .flatMap((other) => other.frames())
      .filter((frame) => originOf(frame) === seed.origin)
    await Promise.all(frames.map((frame) => takeBack(seed, frame)))
  }

  const takeBack = async ({ mark, origin }: Seed, frame: DrivenFrame) => {
    await frame.evaluate(pageExpression(settleSeed, { mark, origin, detail: "undo" })).catch(() => undefined)
  }

  const restIfDone = () => {
    waiting = waiting.filter(({ owner }) => owner?.isClosed() !== true)
    unsettled = unsettled.filter(({ page }) => !page.isClosed())
    if (waiting.length > 0 || unsettled.length > 0) return
    context.off("page", watch)
    for (const unwatch of watched.values()) unwatch()
    watched.clear()
    for (const resolve of resting.splice(0)) resolve()
  }
  const rest = async () => {
    if (waiting.length > 0 || unsettled.length > 0) await new Promise<void>((resolve) => resting.push(resolve))
  }

  const origins = () => waiting.map(({ seed }) => seed.origin)

  const forNext = () => waiting.filter(({ owner }) => owner === null).map(({ seed }) => seed)

  return { add, forget, tidy: restIfDone, rest, origins, forNext }
}

/** Resolves once a call is on its way: Playwright reads a script before it sends it, and sends a `dispose` at once. */
async function sent(call: Promise<unknown>): Promise<void> {
  await Promise.race([call, new Promise((resolve) => setTimeout(resolve))])
}

/** A frame below a frame of another site has storage of its own: see `seedSessionStorage`. */
function isVisit(frame: DrivenFrame, { origin, site, top }: Seed): boolean {
  if (originOf(frame) !== origin) return false
  const above: string[] = []
  for (let next = frame.parentFrame(); next !== null; next = next.parentFrame()) above.push(next.url())
  const isFirstParty = above.every((url) => siteOf(url) === site)
  return top === null ? isFirstParty : !isFirstParty && schemefulSiteOf(above.at(-1) ?? "") === top
}

function originOf(frame: DrivenFrame): string | null {
  try {
    return new URL(frame.url()).origin
  } catch {
    return null
  }
}
