import type { PageMeasure } from "../shared/page/measure-page.js"
import { isOfSites, isSamePartition } from "../shared/partition.js"
import type { Wanted } from "../shared/readings.js"
import type { Kind } from "../shared/report.js"
import type { Partition } from "../shared/snapshot.js"
import { originOf } from "./ask-tab.js"

export interface Amount {
  count: number
  /** Bytes, as far as the browser tells. */
  size: number | null
}

/** How much there is of each kind; one that the browser does not tell is missing. */
export type Amounts = Partial<Record<Kind, Amount>>

/** A tab, and each of its documents that answered. */
export interface MeasuredTab {
  url: string
  frames: MeasuredFrame[]
}

export interface MeasuredFrame {
  page: PageMeasure
  partition: Partition | null
}

/**
 * What a save takes of what was measured: each storage (an origin, below one top-level site) once however many documents
 * share it, and each tab's own sessionStorage.
 */
export function amountsOf(tabs: MeasuredTab[], wanted: Wanted): Amounts {
  const storages = storagesOf(
    tabs.flatMap(({ frames }) => frames),
    wanted,
  )
  const sessions = tabs
    .filter(({ url }) => !wanted.withoutOrigins.includes(originOf(url) ?? ""))
    .flatMap(({ frames }) => storagesOf(frames, wanted))
  const files = told(storages.map(({ files }) => files))
  const databases = told(storages.map(({ databases }) => databases))
  const bytes = told(storages.map(({ databaseBytes }) => databaseBytes))
  return {
    localStorage: totalOf(storages.map(({ local }) => local)),
    sessionStorage: totalOf(sessions.map(({ session }) => session)),
    ...(databases === null ? {} : { indexedDB: { count: sum(databases), size: bytes === null ? null : sum(bytes) } }),
    ...(files === null ? {} : { opfs: totalOf(files) }),
  }
}

function storagesOf(frames: MeasuredFrame[], { sites, withoutOrigins }: Wanted): PageMeasure[] {
  const found: MeasuredFrame[] = []
  for (const frame of frames) {
    const { origin } = frame.page
    if (!isOfSites(origin, sites) || withoutOrigins.includes(origin)) continue
    if (!found.some(({ page, partition }) => page.origin === origin && isSamePartition(partition, frame.partition))) {
      found.push(frame)
    }
  }
  return found.map(({ page }) => page)
}

/** Null when one of them is not told: half a sum would be taken for the whole. */
function told<T>(answers: (T | null)[]): T[] | null {
  const found = answers.filter((answer) => answer !== null)
  return found.length === answers.length ? found : null
}

function totalOf(measures: { items: number; size: number }[]): Amount {
  return { count: sum(measures.map(({ items }) => items)), size: sum(measures.map(({ size }) => size)) }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
