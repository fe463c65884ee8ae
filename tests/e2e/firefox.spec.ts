import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "@playwright/test"
import puppeteer from "puppeteer-core"
import { createCard, createIdentity } from "../../shared/keys.js"
import { firefoxAddonId } from "../../shared/names.js"
import { hostName } from "../../shared/protocol.js"
import { manifestOf } from "../../native-host/install.js"
import { hostProgram } from "./browser.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const extension = path.join(root, "dist/firefox-mv3")
const candidates = [process.env["PSP_FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"]
const firefox = candidates.find((candidate) => candidate !== undefined && existsSync(candidate))
const uuid = "3b9cf1c2-6b44-4c3e-9a5e-0d5a1f3c7e21"

test("the Firefox build loads in Firefox, and reaches a host that was registered for it", async () => {
  test.skip(firefox === undefined, "no Firefox on this machine: say where one is in PSP_FIREFOX")
  test.setTimeout(120_000)
  const folder = await mkdtemp(path.join(tmpdir(), "psp-firefox-"))
  const home = path.join(folder, "psp")
  await mkdir(home, { mode: 0o700 })
  await writeFile(path.join(home, "card"), `${await createCard(await createIdentity("test computer"))}\n`)
  // Firefox reads $HOME/.mozilla/native-messaging-hosts: the test has a HOME of its own.
  const wrapper = path.join(folder, "psp-host.sh")
  await writeFile(wrapper, `#!/bin/sh\nPSP_HOME="${home}" exec "${process.execPath}" "${hostProgram}" "$@"\n`)
  await chmod(wrapper, 0o755)
  const hosts = path.join(folder, ".mozilla", "native-messaging-hosts")
  await mkdir(hosts, { recursive: true })
  await writeFile(path.join(hosts, `${hostName}.json`), JSON.stringify(manifestOf("firefox", wrapper)))

  const browser = await puppeteer.launch({
    browser: "firefox",
    executablePath: firefox ?? "",
    headless: true,
    args: ["--remote-allow-system-access"],
    env: { ...process.env, HOME: folder },
    extraPrefsFirefox: { "extensions.webextensions.uuids": JSON.stringify({ [firefoxAddonId]: uuid }) },
  })
  try {
    expect(await browser.installExtension(extension)).toBe(firefoxAddonId)
    const page = await browser.newPage()
    // The navigation itself never counts as finished for an extension's page.
    await page.goto(`moz-extension://${uuid}/welcome.html`, { timeout: 3000 }).catch(() => undefined)
    await page.waitForFunction(() => document.body.innerText.includes("is here"), { timeout: 60_000 })
    expect(await page.evaluate(() => document.body.innerText)).toContain("test computer")
  } finally {
    await browser.close()
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
})
