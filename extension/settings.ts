import { browser } from "wxt/browser"
import { defaultLimits, type Limits } from "../shared/limits.js"
import { endsBy, type TtlRules } from "../shared/merge/ttl.js"
import { kinds } from "../shared/report.js"

/** Sizes only, nothing of any site: `storage.local` may hold them. */
export async function readLimits(): Promise<Limits> {
  const { limits } = await browser.storage.local.get<{ limits?: Partial<Limits> }>("limits")
  return { ...defaultLimits, ...limits }
}

export async function writeLimits(limits: Limits): Promise<void> {
  await browser.storage.local.set({ limits })
}

const hour = 60 * 60 * 1000

/** What the person can choose from (ms). */
export const keepSpans = [hour, 8 * hour, 24 * hour, 7 * 24 * hour] as const

/** How long kinds are kept that this browser saves, of all sites; times only, nothing of any site. */
export async function readKeepRules(): Promise<TtlRules> {
  const { keep = {} } = await browser.storage.local.get<{ keep?: TtlRules }>("keep")
  return Object.fromEntries(
    kinds.flatMap((kind) => {
      const span = keepSpans.find((one) => one === keep[kind])
      return span === undefined ? [] : [[kind, span]]
    }),
  )
}

export async function writeKeepRules(rules: TtlRules): Promise<void> {
  await browser.storage.local.set({ keep: rules })
}

/** For what is sealed now: when the time of each field is over. Nothing where no rule is set, which seals in fewer steps. */
export async function keepOptions(): Promise<{ endOf?: ReturnType<typeof endsBy> }> {
  const rules = await readKeepRules()
  return Object.keys(rules).length === 0 ? {} : { endOf: endsBy(rules, Date.now()) }
}
