import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { test } from "@playwright/test"
import { defaultArgs, launch, type Browser, type BrowserContext } from "puppeteer-core"
import { capture, diff, open, restore } from "../../shared/adapters/puppeteer.js"
import { describeAdapter } from "../contracts/adapter-contract.js"
import { chromiumArgs, chromiumPath, keepThirdPartyStorage } from "./browser.js"
import { openPuppeteerContext } from "./puppeteer-target.js"

let browser: Browser
let profile: string

test.beforeAll(async () => {
  profile = await mkdtemp(path.join(tmpdir(), "psp-puppeteer-"))
  await keepThirdPartyStorage(profile)
  browser = await launch({
    executablePath: chromiumPath(),
    headless: true,
    userDataDir: profile,
    // Puppeteer's own list turns the partitions of third-party storage off.
    ignoreDefaultArgs: defaultArgs().filter((flag) => flag.startsWith("--disable-features")),
    args: chromiumArgs,
  })
})

test.afterAll(async () => {
  await browser.close()
  await rm(profile, { recursive: true, force: true })
})

describeAdapter<BrowserContext>("puppeteer adapter", {
  adapter: { capture, diff, open, restore },
  open: () => openPuppeteerContext(browser),
  wrongTargets: {
    nothing: () => undefined,
    "a string": () => "http://127.0.0.1:9222",
    "an object": () => ({}),
  },
})
