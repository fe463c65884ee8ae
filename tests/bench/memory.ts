import { fork } from "node:child_process"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { identityToText } from "../../shared/keys.js"
import { startBrowser, type TestBrowser } from "../e2e/browser.js"
import { ownerOffered } from "../e2e/saving.js"
import { startSite } from "../site/site.js"
import { prepareSaves } from "./capture.js"
import type { MemoryPeaks } from "./processes.js"
import { watchMemory } from "./processes.js"
import type { BenchRow } from "./table.js"
import { fillWhole, site, type WholeSize } from "./whole-session.js"

/** Nearly the 63 MiB that a capture takes (`createBudget`); an envelope holds 70. */
const largest: WholeSize = { title: "the largest session", cookies: 150, origins: 4, characters: 8e6, records: 43_400 }

/** What `memory-restore.ts` is told, and what it answers. */
export interface RestoreTask {
  folder: string
  identity: string
  owner: string
  site: string
}
export interface RestoreMemory {
  /** JSON of the snapshot (bytes). */
  data: number
  node: number
  pages: number
}

/**
 * Peak memory above idle while the largest session that an envelope allows is saved from a browser (capture, seal, outbox,
 * transport) and loaded and restored by Node, beside the size of its data.
 */
export async function benchMemory(): Promise<BenchRow[]> {
  const server = await startSite({ hostname: `app.${site}` })
  const browser = await startBrowser()
  try {
    const [page] = await fillWhole(browser.context, server.port, largest)
    const save = await prepareSaves(browser, page, [])
    const running = browser.context.browser()
    if (running === null) throw new Error("The profile has no browser")
    const stop = await watchMemory(running)
    const { sealed } = await save()
    const saved = await stop()
    const gaps = sealed.gaps.filter(({ kind }) => kind !== "portability")
    if (gaps.length > 0) throw new Error(`The capture left gaps: ${JSON.stringify(gaps)}`)
    const task = await restoreTaskOf(browser)
    return rowsOf(saved, await restoreApart(task))
  } finally {
    await browser.stop()
    await server.close()
  }
}

function rowsOf(saved: MemoryPeaks, restored: RestoreMemory): BenchRow[] {
  const { data } = restored
  const row = (name: string, bytes: number): BenchRow => ({
    name: `Peak memory, ${name}`,
    value: `${(bytes / 1e6).toFixed(0)} MB`,
    peer: `its data ${(data / 1e6).toFixed(1)} MB`,
    ratio: bytes / data,
    limit: 6,
    range: "",
  })
  return [
    row("saving the largest session: background", saved.background),
    row("saving it: pages", saved.pages),
    row("saving it: native host", saved.hosts),
    row("restoring it: Node", restored.node),
    row("restoring it: pages", restored.pages),
  ]
}

async function restoreTaskOf({ home, computer }: TestBrowser): Promise<RestoreTask> {
  const owner = await ownerOffered({ home })
  return { folder: path.join(home, "vault"), identity: identityToText(computer), owner, site }
}

/** In a process of its own: what this one holds already does not count. */
function restoreApart(task: RestoreTask): Promise<RestoreMemory> {
  const program = fileURLToPath(new URL("memory-restore.ts", import.meta.url))
  const child = fork(program, { execArgv: ["--import", "tsx", "--expose-gc"], serialization: "json" })
  return new Promise((resolve, reject) => {
    child.once("message", (answer) => resolve(answer as RestoreMemory))
    child.once("exit", (code) => reject(new Error(`The restore ended with ${code ?? "a signal"}`)))
    child.send(task)
  })
}
