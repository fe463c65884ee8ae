import type { Browser } from "wxt/browser"
import { measurePage, type PageMeasure } from "../shared/page/measure-page.js"
import { partitionOf } from "../shared/partition.js"
import { sitesItLeansOn, type LeanedOnSite } from "../shared/second-site.js"
import type { Amount, MeasuredTab } from "./amounts.js"
import { askTab, originOf } from "./ask-tab.js"
import { captureCookies } from "./capture-cookies.js"
import type { DescribedSite } from "./describe.js"
import { browserOf } from "./stores.js"

/** What was found of a site that may be read, without any value. */
export interface Measures {
  site: string
  cookies: Amount
  /** Those that answered so far. */
  tabs: MeasuredTab[]
  /** Every tab answered, or will not. */
  isDone: boolean
  /** Other sites that the login may live on as well. */
  alsoSites: LeanedOnSite[]
}

/** Measures cookies and pages, and tells what it knows whenever another tab has answered; one may take its time. */
export async function measureSite(
  { site, storeId, tabs }: DescribedSite,
  onMeasures: (measures: Measures) => void,
): Promise<void> {
  const cookies = await captureCookies(site, storeId, [])
  const { engine } = browserOf(navigator.userAgent)
  // In the order of the tabs, whichever answers first.
  const answered: (MeasuredTab | undefined)[] = tabs.map(() => undefined)
  const tell = (isDone: boolean) => {
    const found = answered.filter((tab) => tab !== undefined)
    const pages = found.flatMap(({ frames }) => frames.map(({ page }) => page))
    const evidence = {
      site,
      cookieNames: cookies.map(({ name }) => name),
      storageKeys: pages.flatMap(({ keys }) => keys),
      referrers: pages.map(({ referrer }) => referrer),
      frames: pages.flatMap(({ frames }) => frames),
    }
    const size = cookies.reduce((total, { name, value }) => total + name.length + value.length, 0)
    onMeasures({
      site,
      cookies: { count: cookies.length, size },
      tabs: found,
      isDone,
      alsoSites: sitesItLeansOn(evidence),
    })
  }
  tell(false)
  await Promise.all(
    tabs.map(async (tab, index) => {
      answered[index] = await measureTab(tab, engine)
      tell(false)
    }),
  )
  tell(true)
}

/** A page that does not answer is named by the save; before it, it only has no numbers. */
async function measureTab(tab: Browser.tabs.Tab, engine: string): Promise<MeasuredTab> {
  const url = tab.url ?? ""
  if (tab.discarded) return { url, frames: [] }
  const answers = await askTab(tab, measurePage, [], { allFrames: true }).catch(() => [])
  const frames = answers.map(({ answer }) => {
    const page = answer as PageMeasure
    const ancestors = page.ancestors ?? [originOf(url) ?? "null"]
    return { page, partition: partitionOf(page.origin, ancestors, engine) }
  })
  return { url, frames }
}
