import { existsSync } from "node:fs"
import { readFile, rm, writeFile } from "node:fs/promises"
import path from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { expect, type Page } from "@playwright/test"
import { bundle } from "../native-host/bundle.js"
import { pidsWithArgument } from "../process-tree.js"
import type { TestBrowser } from "./browser.js"
import type { CaptureSite } from "./capture-site.js"
import { openTrusting, originIn, saveButton, statusOf, storedSessions } from "./saved-session.js"
import { openComputerVault } from "./saving.js"

/** A place in a save where a test lets something happen. */
export interface SaveStep {
  title: string
  /** How many commits there are in the end; null where it was a matter of time whether it was sealed. */
  commits: 0 | 1 | null
  /** Begins a save and resolves at the step. */
  reach: (popup: Page, page: Page) => Promise<void>
}

/** The marks of a save that `reach` leaves standing still, and lets go. */
export interface Rehearsal {
  steps: SaveStep[]
  /** What the browser's host is held at is let go. */
  letGo: () => Promise<void>
}

/** A save that nothing happens to: how long it takes (ms), and how many frames its conversation with the host has. */
async function rehearsal(browser: TestBrowser, site: CaptureSite): Promise<{ count: number; duration: number }> {
  const page = await openRound(browser, site, "rehearsal")
  const popup = await openQuietPopup(browser, page)
  const began = performance.now()
  await saveButton(popup).click()
  await expect(statusOf(popup)).toHaveText(/^Saved/)
  const duration = performance.now() - began
  const lines = (await readFile(path.join(browser.home, "frames"), "utf8")).split("\n").map((line) => line.split(" "))
  const [conversation] = lines.find(([, what]) => what === "put") ?? []
  const count = lines.filter(([pid]) => pid === conversation).length
  await Promise.all([page.close(), popup.close()])
  return { count, duration }
}

/** How many moments between the click and the end are tried that are no step of the protocol. */
const moments = 12

const programIn = (home: string) => path.join(home, "holding-host.mjs")
const origin = (site: CaptureSite) => site.url("app.example.test").replace(/\/$/, "")

/** Gives a browser a host that can be held, trusts it, saves once, and says which steps a save has. */
export async function rehearse(browser: TestBrowser, site: CaptureSite): Promise<Rehearsal> {
  const inHome = (name: string) => path.join(browser.home, name)
  const program = programIn(browser.home)
  await bundle(path.dirname(program), path.basename(program), ['import "./tests/e2e/holding-host.ts"'])
  await browser.registerHost({ script: `exec "${process.execPath}" "${program}"` })
  await (await openTrusting(browser, await openRound(browser, site, "trust"))).close()

  // The first one says who the owners are as well.
  await rehearsal(browser, site)
  const { count, duration } = await rehearsal(browser, site)

  const letGo = async () => {
    await rm(inHome("hold"), { force: true })
    await rm(inHome("held"), { force: true })
  }
  const holdAfter = (frame: number): SaveStep => ({
    title: `after frame ${frame} of ${count} with the host`,
    commits: 1,
    async reach(popup) {
      await writeFile(inHome("hold"), String(frame))
      await saveButton(popup).click()
      await expect.poll(() => existsSync(inHome("held"))).toBe(true)
    },
  })
  const reading: SaveStep = {
    title: "while the site is read",
    commits: 0,
    async reach(popup, page) {
      await page.evaluate(holdDatabase)
      await saveButton(popup).click()
      await expect(statusOf(popup)).toHaveText("Reading the site…")
    },
  }
  const saved: SaveStep = {
    title: "when it is saved",
    commits: 1,
    async reach(popup) {
      await saveButton(popup).click()
      await expect
        .poll(() => waitingIn(popup).then(async (n) => n === 0 && (await statusOf(popup).textContent())))
        .toMatch(/^Saved/)
    },
  }
  const moment = (place: number): SaveStep => {
    const ms = Math.round((place / (moments - 1)) * duration)
    return {
      title: `${ms} ms after the click`,
      commits: null,
      async reach(popup) {
        await saveButton(popup).click({ noWaitAfter: true })
        await wait(ms)
      },
    }
  }
  return {
    letGo,
    steps: [
      ...Array.from({ length: moments }, (_, place) => moment(place)),
      reading,
      ...Array.from({ length: count }, (_, frame) => holdAfter(frame)),
      saved,
    ],
  }
}

/** So many of the steps, spread evenly, or all of them again and again. */
export function stepOf(steps: SaveStep[], round: number, rounds: number): SaveStep {
  const at = rounds < steps.length ? Math.floor(((round + 0.5) * steps.length) / rounds) : round % steps.length
  const step = steps[at]
  if (step === undefined) throw new Error("There are no steps")
  return step
}

/** A page whose session is told apart by its round. */
export async function openRound(browser: TestBrowser, site: CaptureSite, round: string): Promise<Page> {
  const page = await browser.context.newPage()
  await page.goto(site.url("app.example.test", "/database"))
  await expect(page).toHaveTitle("ready")
  await page.evaluate((text) => localStorage.setItem("round", text), round)
  return page
}

/** A popup that has asked all it asks when it opens: the next conversation with the host is that of a save. */
export async function openQuietPopup(browser: TestBrowser, page: Page): Promise<Page> {
  const popup = await browser.openPopup(page)
  await popup.evaluate(async () => {
    await chrome.runtime.sendMessage({ type: "wake" })
    await chrome.runtime.sendMessage({ type: "computer" })
  })
  await expect.poll(() => pidsWithArgument(programIn(browser.home))).toEqual([])
  await rm(path.join(browser.home, "frames"), { force: true })
  return popup
}

/** How many saves are in the outbox. */
export async function waitingIn(popup: Page): Promise<number> {
  return popup.evaluate(async () => {
    const reply: { answer: unknown[] } = await chrome.runtime.sendMessage({ type: "waiting" })
    return reply.answer.length
  })
}

/** The round that the trusted computer opens: what was saved last. */
export async function savedRound(browser: TestBrowser, site: CaptureSite): Promise<string | undefined> {
  const snapshot = await (await openComputerVault(browser)).load("example.test")
  if (snapshot === null) throw new Error("Nothing was saved")
  return originIn(snapshot, origin(site)).localStorage?.find(([key]) => key === "round")?.[1]
}

export const countCommits = async (browser: TestBrowser) => (await storedSessions(browser)).length

/** Runs in the page: whoever reads its database waits until the page is gone, or `release` is called. */
function holdDatabase(): Promise<void> {
  return new Promise((resolve) => {
    const asked = indexedDB.open("app")
    asked.onsuccess = () => {
      const things = asked.result.transaction("things", "readwrite").objectStore("things")
      let isHeld = true
      Object.assign(globalThis, { release: () => (isHeld = false) })
      const again = () => {
        if (isHeld) things.getKey(0).onsuccess = again
      }
      things.getKey(0).onsuccess = () => {
        resolve()
        again()
      }
    }
  })
}
