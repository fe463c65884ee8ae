import { spawn } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { defaultArgs, launch, type Browser as PuppeteerBrowser } from "puppeteer-core"
import { Builder, type WebDriver } from "selenium-webdriver"
import { Options, ServiceBuilder } from "selenium-webdriver/chrome.js"
import type * as PuppeteerAdapter from "../../shared/adapters/puppeteer.js"
import type * as SeleniumAdapter from "../../shared/adapters/selenium.js"
import type { Cookie, Snapshot } from "../../shared/snapshot.js"
import { chromiumArgs, chromiumPath, startChromium } from "../e2e/browser.js"
import { startSite } from "../site/site.js"
import { builtAdapter } from "./built.js"
import { compareRow, interleave, median, rangeOf, type BenchRow } from "./table.js"
import { fillWhole, site, smallWhole, type WholeSize } from "./whole-session.js"

const dist = fileURLToPath(new URL("../../dist/node/", import.meta.url))

const tiny: WholeSize = { title: "S: 10 cookies, 20 keys", cookies: 10, origins: 1, characters: 200_000, records: 0 }
const middle: WholeSize = { ...smallWhole, title: `M: ${smallWhole.title}` }

/**
 * Restores by each tool, beside the least that the tool itself can do: its own calls for cookies, and localStorage from pages of
 * the site (no database, no sessionStorage, nothing read back). And what importing an adapter costs.
 */
export async function benchTools(): Promise<BenchRow[]> {
  const chromium = await startChromium()
  const server = await startSite({ hostname: `app.${site}` })
  try {
    const rows: BenchRow[] = []
    for (const [size, rounds] of [
      [tiny, 9],
      [middle, 5],
    ] as const) {
      const source = await chromium.browser.newContext()
      await fillWhole(source, server.port, size)
      const snapshot = await (await builtAdapter()).capture(source, { site })
      await source.close()
      rows.push(await puppeteerRow(snapshot, size, rounds), await seleniumRow(snapshot, size, rounds))
    }
    return [...rows, ...(await importRows())]
  } finally {
    await chromium.stop()
    await server.close()
  }
}

async function puppeteerRow(snapshot: Snapshot, { title }: WholeSize, rounds: number): Promise<BenchRow> {
  const { restore } = await built<typeof PuppeteerAdapter>("puppeteer")
  const browser = await launch({
    executablePath: chromiumPath(),
    ignoreDefaultArgs: defaultArgs().filter((flag) => flag.startsWith("--disable-features")),
    args: chromiumArgs,
  })
  try {
    const times = await interleave(rounds, {
      ours: () =>
        inContext(browser, async (context) => {
          const { ok, gaps } = await restore(context, snapshot)
          if (!ok) throw new Error(`Restore left gaps: ${JSON.stringify(gaps)}`)
        }),
      bare: () =>
        inContext(browser, async (context) => {
          await context.setCookie(...(snapshot.cookies ?? []).map(plainCookie))
          for (const { origin, localStorage: items = [] } of snapshot.origins ?? []) {
            const page = await context.newPage()
            await page.goto(`${origin}/blank`)
            await page.evaluate((wanted) => {
              for (const [key, value] of wanted) localStorage.setItem(key, value)
            }, items)
            await page.close()
          }
        }),
    })
    return compareRow(`Restore by Puppeteer, ${title}`, times.ours, times.bare, null)
  } finally {
    await browser.close()
  }
}

async function inContext(
  browser: PuppeteerBrowser,
  work: (context: Awaited<ReturnType<PuppeteerBrowser["createBrowserContext"]>>) => Promise<void>,
): Promise<number> {
  const context = await browser.createBrowserContext()
  const start = performance.now()
  await work(context)
  const time = performance.now() - start
  await context.close()
  return time
}

async function seleniumRow(snapshot: Snapshot, { title }: WholeSize, rounds: number): Promise<BenchRow> {
  const { restore } = await built<typeof SeleniumAdapter>("selenium")
  const times = await interleave(rounds, {
    ours: () =>
      inDriver(async (driver) => {
        const { ok, gaps } = await restore(driver, snapshot)
        if (!ok) throw new Error(`Restore left gaps: ${JSON.stringify(gaps)}`)
      }),
    bare: () =>
      inDriver(async (driver) => {
        // WebDriver takes cookies of the page that is open only.
        for (const { origin, localStorage = [] } of snapshot.origins ?? []) {
          await driver.get(`${origin}/blank`)
          const { hostname } = new URL(origin)
          for (const cookie of snapshot.cookies ?? []) {
            if (cookie.hostOnly ? cookie.domain !== hostname : !hostname.endsWith(`.${cookie.domain}`)) continue
            const { name, value, path: at, httpOnly } = cookie
            await driver.manage().addCookie({ name, value, path: at, httpOnly })
          }
          const fill = "for (const [key, value] of arguments[0]) localStorage.setItem(key, value)"
          await driver.executeScript(fill, localStorage)
        }
      }),
  })
  return compareRow(`Restore by Selenium, ${title}`, times.ours, times.bare, null)
}

async function inDriver(work: (driver: WebDriver) => Promise<void>): Promise<number> {
  const options = new Options()
  options.setChromeBinaryPath(chromiumPath())
  options.addArguments("--headless=new", ...chromiumArgs)
  const driver = await new Builder()
    .forBrowser("chrome")
    .setChromeOptions(options)
    .setChromeService(new ServiceBuilder("/usr/bin/chromedriver"))
    .build()
  try {
    const start = performance.now()
    await work(driver)
    return performance.now() - start
  } finally {
    await driver.quit()
  }
}

/** A process that imports an adapter and ends, beside an empty module. */
async function importRows(rounds = 9): Promise<BenchRow[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "psp-bench-"))
  const names = ["playwright", "puppeteer", "selenium", "browserless", "cloudflare-workers"]
  const memory = new Map<string, number[]>()
  try {
    const candidates = Object.fromEntries(
      await Promise.all(
        ["nothing", ...names].map(async (name) => {
          const file = path.join(folder, `${name}.mjs`)
          const what =
            name === "nothing" ? "" : `import ${JSON.stringify(pathToFileURL(path.join(dist, `${name}.mjs`)).href)}\n`
          await writeFile(
            file,
            `${what}import { writeFileSync } from "node:fs"
writeFileSync(process.argv[2], String(process.resourceUsage().maxRSS / 1024))`,
          )
          const run = async () => {
            const out = path.join(folder, "memory")
            const started = performance.now()
            const child = spawn(process.execPath, [file, out], { stdio: "ignore" })
            await new Promise((resolve) => child.once("exit", resolve))
            const ms = performance.now() - started
            memory.set(name, [...(memory.get(name) ?? []), Number(await readFile(out, "utf8"))])
            return ms
          }
          return [name, run] as const
        }),
      ),
    )
    const times = await interleave(rounds, candidates)
    const [bare, bareMemory] = [median(times["nothing"] ?? []), median(memory.get("nothing") ?? [])]
    return names.map((name) => {
      const [ms, megabytes] = [median(times[name] ?? []), median(memory.get(name) ?? [])]
      return {
        name: `Import of persistent-sessions/${name}`,
        value: `${ms.toFixed(1)} ms, ${megabytes.toFixed(1)} MB`,
        peer: `empty module ${bare.toFixed(1)} ms, ${bareMemory.toFixed(1)} MB`,
        difference: `+ ${(ms - bare).toFixed(1)} ms, + ${(megabytes - bareMemory).toFixed(1)} MB`,
        ratio: null,
        limit: null,
        range: rangeOf(times[name] ?? []),
      }
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

function plainCookie({ name, value, domain, hostOnly, path: at, secure, httpOnly, expiresAt }: Cookie) {
  const expires = expiresAt === null ? {} : { expires: expiresAt / 1000 }
  return { name, value, domain: hostOnly ? domain : `.${domain}`, path: at, secure, httpOnly, ...expires }
}

async function built<Module>(name: string): Promise<Module> {
  // What the build makes of the file that the type is of.
  return (await import(pathToFileURL(path.join(dist, `${name}.mjs`)).href)) as Module
}
