import { expect, test } from "@playwright/test"
import { capture } from "../../shared/adapters/playwright.js"
import { kinds } from "../../shared/report.js"
import { parseSnapshot, snapshotToJson, type Snapshot } from "../../shared/snapshot.js"
import { isHonest, matrixText, thingsIn, unnamed, type Row, type Thing } from "../conformance/matrix.js"
import type { Seen } from "../conformance/see.js"
import { chromiumSiteArgs, startConformanceSite, type ConformanceSite } from "../conformance/server.js"
import { fill, states, whatIsSeen, type State, type Tab } from "../conformance/tab.js"
import { startChromium } from "./browser.js"
import { restoringTools } from "./restoring-tools.js"

/**
 * One rich session, captured once, restored by every tool into every browser it drives: what the sites see then is what they
 * saw before, or the report names it. The matrix of it is printed, and written into the pages that
 * show it by `npx tsx tests/matrix.ts`.
 */
let site: ConformanceSite
let snapshot: Snapshot
const before: Seen[] = []
const rows: Row[] = []

test.describe.configure({ mode: "default" })

test.beforeAll(async () => {
  test.setTimeout(180_000)
  site = await startConformanceSite()
  const chromium = await startChromium(chromiumSiteArgs)
  try {
    const context = await chromium.browser.newContext()
    const tabs: [State, Tab][] = []
    for (const state of states) {
      const tab = await context.newPage()
      await fill(tab, site, state)
      tabs.push([state, tab])
    }
    // Only now: what one tab fills, the next one of its origin sees.
    for (const [state, tab] of tabs) before.push(await whatIsSeen(tab, site, state))
    const captured = await capture(context, {
      site: "conf.test",
      alsoSites: ["top.test", "idp.test"],
      kinds: [...kinds],
    })
    snapshot = parseSnapshot(JSON.parse(snapshotToJson(captured)))
  } finally {
    await chromium.stop()
  }
})

test.afterAll(async () => {
  await site.close()
  if (rows.length > 0) process.stdout.write(`\n<!-- matrix -->\n${matrixText(rows)}\n<!-- /matrix -->\n`)
})

for (const tool of restoringTools) {
  const { name, engine, missing } = tool
  test(`what ${name} restores, the sites see as it was, or the report names it`, async () => {
    test.setTimeout(180_000)
    test.skip(missing !== null, missing ?? "")
    const { report, tabs } = await tool.restore(snapshot, { openTabs: "all" }, seenByFirstScript)
    const left = seenTabs(tabs)
    const silent = states.flatMap((state, index) => {
      const then = before[index]
      const url = site.url(state.host, state.seePath, state)
      const now = then === undefined ? null : takeTab(left, url, then)
      if (then === undefined || now === null) return [`${state.name}: its tab is not there`]
      const options = { isWhole: name.startsWith("Playwright"), isSameEngine: engine === "chromium" }
      const [one, other] = [then, now].map((seen) => thingsIn(site, state, seen, options))
      return unnamed(one ?? [], other ?? [], report.gaps).map((thing) => `${state.name}: ${labelOf(thing)}`)
    })
    expect(silent).toEqual([])
    expect(left).toEqual([])
    expect(isHonest(report)).toBe(true)
    rows.push({ tool: name, gaps: report.gaps })
  })
}

/** The page that a restore opens has just been asked for; its tool may not know yet where it is. */
const seenByFirstScript = `new Promise((resolve) => {
  const look = () => {
    if (window.seen === undefined && location.protocol.startsWith("http")) return setTimeout(look, 20)
    Promise.resolve(window.seen ?? "null").then((seen) => resolve(JSON.stringify([location.href, seen])))
  }
  look()
})`

interface SeenTab {
  url: string
  seen: Seen
}

/** Without those that a browser has of its own. */
function seenTabs(answers: string[]): SeenTab[] {
  return answers.flatMap((answer) => {
    const [url, text] = JSON.parse(answer) as [string, string]
    const told = JSON.parse(text) as { value: Seen } | null
    return told === null ? [] : [{ url, seen: told.value }]
  })
}

/** Tabs at one address differ by what they hold: the one that is as it was, else any. */
function takeTab(tabs: SeenTab[], url: string, wanted: Seen): Seen | null {
  const there = tabs.filter((tab) => tab.url === url)
  const holds = ({ seen }: SeenTab) => JSON.stringify(seen.sessionStorage) === JSON.stringify(wanted.sessionStorage)
  const found = there.find(holds) ?? there[0]
  if (found === undefined) return null
  tabs.splice(tabs.indexOf(found), 1)
  return found.seen
}

function labelOf({ kind, where, name, from }: Thing): string {
  return [kind, where, name, ...(from === undefined ? [] : [from])].join(" | ")
}
