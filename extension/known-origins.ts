import type { Snapshot } from "../shared/snapshot.js"
import { deleteKept, readKept, writeKept } from "./db.js"

/** Names of the origins that a session had when it was saved: those that no tab shows the next time are named then. */
export async function knownOriginsOf(site: string, account: string): Promise<string[]> {
  const kept = await readKept(nameOf(site, account))
  return kept === null ? [] : (JSON.parse(kept) as string[])
}

/** Nothing is kept of a private window: what was open there is nobody's to find afterwards. */
export async function rememberOrigins({ sites: [site], account, origins = [], capturedBy }: Snapshot): Promise<void> {
  if (capturedBy.store?.isPrivate === true) return
  const known = await knownOriginsOf(site, account)
  const found = origins.filter(({ partition }) => partition === null).map(({ origin }) => origin)
  await writeKept(nameOf(site, account), JSON.stringify([...new Set([...found, ...known])].slice(0, 100)))
}

export async function forgetOrigins(site: string, account: string): Promise<void> {
  await deleteKept(nameOf(site, account))
}

function nameOf(site: string, account: string): string {
  return `origins ${site} ${account}`
}
