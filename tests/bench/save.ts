import { setTimeout } from "node:timers/promises"
import type { Page } from "@playwright/test"
import type { SaveState } from "../../extension/save-state.js"
import { startBrowser, type TestBrowser } from "../e2e/browser.js"
import { startSite } from "../site/site.js"
import { sessionOf } from "./restore.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

const hosts = ["app.bench.test", "login.bench.test", "api.bench.test"]

/** Click to acknowledged, stage by stage, beside Playwright's `storageState()` on the same browser with the same state. */
export async function benchSave(rounds = 11): Promise<BenchRow[]> {
  return [
    ...(await saveRows("100 cookies, 1 MB over 3 origins", 100, 1_000_000, rounds)),
    ...(await saveRows("10 cookies", 10, 0, rounds)),
  ]
}

async function saveRows(title: string, cookies: number, characters: number, rounds: number): Promise<BenchRow[]> {
  const site = await startSite({ hostname: "app.bench.test" })
  const browser = await startBrowser()
  try {
    const page = await fill(browser, site.port, cookies, characters)
    await browser.allow("*://*.bench.test/*")
    const popup = await browser.openPopup(page)
    await popup.getByRole("button", { name: "Trust this computer" }).click()
    await popup.getByRole("button", { name: "Trust this computer" }).waitFor({ state: "hidden" })
    const stages: Required<SaveState["timings"]>[] = []
    let isCounted = false
    const times = await interleave(
      rounds,
      {
        save: async () => {
          const timings = await saveOnce(popup)
          if (isCounted) stages.push(timings)
          isCounted = true
          return timings.capture + timings.seal
        },
        storageState: async () => {
          const started = performance.now()
          await browser.context.storageState()
          return performance.now() - started
        },
      },
      2,
    )
    const isLarge = characters > 0
    const [ours, peer] = [median(times.save), median(times.storageState)]
    const stage = (name: keyof SaveState["timings"]) => stages.map((timings) => timings[name])
    const total = stages.map(
      ({ permission, capture, seal, outbox, transport }) => permission + capture + seal + outbox + transport,
    )
    return [
      {
        name: `Save ${title}: capture + seal${isLarge ? "" : " (at most + 15 ms)"}`,
        value: `${ours.toFixed(1)} ms`,
        peer: `storageState() ${peer.toFixed(1)} ms`,
        ...(isLarge ? {} : { difference: `${ours < peer ? "−" : "+"} ${Math.abs(ours - peer).toFixed(1)} ms` }),
        ratio: isLarge ? ours / peer : null,
        limit: isLarge ? 1 : null,
        range: rangeOf(times.save),
      },
      {
        name: `Save ${title}: click to acknowledged`,
        value: `${median(total).toFixed(1)} ms`,
        peer: (["permission", "capture", "seal", "outbox", "transport"] as const)
          .map((name) => `${name === "transport" ? "transport and commit" : name} ${median(stage(name)).toFixed(1)}`)
          .join(", "),
        ratio: null,
        limit: null,
        range: rangeOf(total),
      },
    ]
  } finally {
    await browser.stop()
    await site.close()
  }
}

/** Opens the origins, fills them and the cookie jar; the page to save from. */
async function fill(browser: TestBrowser, port: number, cookies: number, characters: number): Promise<Page> {
  const { cookies: jar = [], origins = [] } = sessionOf(cookies, characters)
  await browser.context.addCookies(
    jar.map(({ name, value, domain, hostOnly, path }) => ({
      name,
      value,
      path,
      domain: hostOnly ? domain : `.${domain}`,
    })),
  )
  const pages: Page[] = []
  for (const [index, host] of hosts.entries()) {
    const page = await browser.context.newPage()
    await page.goto(`http://${host}:${port}/blank`)
    await page.evaluate((items) => {
      for (const [key, value] of items) localStorage.setItem(key, value)
    }, origins[index]?.localStorage ?? [])
    pages.push(page)
  }
  const [first] = pages
  if (first === undefined) throw new Error("No page")
  return first
}

async function saveOnce(popup: Page): Promise<Required<SaveState["timings"]>> {
  const before = await savedAt(popup)
  await untilQuiet(popup)
  await popup.getByRole("button", { name: "Save session" }).click()
  for (;;) {
    const state = await popup.evaluate(
      async () => (await chrome.storage.session.get("save"))["save"] as SaveState | undefined,
    )
    if (state?.phase === "failed" || state?.phase === "waiting") throw new Error(state.message)
    if (state?.phase === "saved" && state.savedAt !== before) {
      const { permission = 0, capture = 0, seal = 0, outbox = 0, transport = 0 } = state.timings
      return { permission, capture, seal, outbox, transport }
    }
    await setTimeout(20)
  }
}

/** After a save the popup lists what is stored; a person's next click comes later than that. */
async function untilQuiet(popup: Page): Promise<void> {
  const isBusy = () =>
    popup.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query()
      return held.length + pending.length > 0
    })
  for (let quiet = 0; quiet < 5; quiet = (await isBusy()) ? 0 : quiet + 1) await setTimeout(50)
}

function savedAt(popup: Page): Promise<number | null> {
  return popup.evaluate(async () => {
    const { save } = await chrome.storage.session.get<{ save?: { savedAt?: number } }>("save")
    return save?.savedAt ?? null
  })
}
