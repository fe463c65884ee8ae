import { browser } from "wxt/browser"
import { defaultLimits, type Limits } from "../shared/limits.js"

/** Sizes only, nothing of any site: `storage.local` may hold them. */
export async function readLimits(): Promise<Limits> {
  const { limits } = await browser.storage.local.get<{ limits?: Partial<Limits> }>("limits")
  return { ...defaultLimits, ...limits }
}

export async function writeLimits(limits: Limits): Promise<void> {
  await browser.storage.local.set({ limits })
}
