import { createFsProvider } from "../../native-host/fs-provider.js"
import { parseIdentity } from "../../shared/keys.js"
import { snapshotToJson } from "../../shared/snapshot.js"
import { openVault } from "../../shared/vault.js"
import { startChromium } from "../e2e/browser.js"
import { builtAdapter } from "./built.js"
import type { RestoreMemory, RestoreTask } from "./memory.js"
import { peakOf, resetPeak, watchMemory } from "./processes.js"

/** Loads a session from a vault and restores it, as a bot does; a program for `memory.ts`. */
async function measure({ folder, identity, owner, site }: RestoreTask): Promise<RestoreMemory> {
  const adapter = await builtAdapter()
  const vault = await openVault(createFsProvider(folder), { identity: parseIdentity(identity), owner })
  const chromium = await startChromium()
  try {
    const context = await chromium.browser.newContext()
    await (await chromium.browser.newPage()).goto("data:text/html,idle")
    const stopWatch = await watchMemory(chromium.browser)
    globalThis.gc?.()
    await resetPeak("self")
    const idle = (await peakOf("self")) ?? 0
    await vault.refresh()
    const snapshot = await vault.load(site)
    if (snapshot === null) throw new Error("The vault does not have the session")
    const { ok, gaps } = await adapter.restore(context, snapshot)
    if (!ok) throw new Error(`Restore left gaps: ${JSON.stringify(gaps)}`)
    const node = ((await peakOf("self")) ?? 0) - idle
    const { pages } = await stopWatch()
    return { data: snapshotToJson(snapshot).length, node, pages }
  } finally {
    await chromium.stop()
  }
}

process.once("message", (task) => {
  measure(task as RestoreTask).then(
    (answer) => process.send?.(answer, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      process.exit(1)
    },
  )
})
