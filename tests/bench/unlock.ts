import { scryptSync } from "node:crypto"
import { lockByPassphrase, unlockByPassphrase } from "../../native-host/identity-lock.js"
import { workFactor } from "../../shared/passphrase.js"
import { startBrowser } from "../e2e/browser.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

const passphrase = "seven canaries at dawn"

/** One unlocking, on the command line and in a page of the extension, beside the derivation alone as the system's library does it. */
export async function benchUnlock(rounds = 7): Promise<BenchRow[]> {
  const text = await lockByPassphrase("secret", passphrase)
  const browser = await startBrowser({ hasHost: false })
  try {
    const page = await browser.openPage("dashboard")
    await page.getByLabel("New passphrase").fill(passphrase)
    await page.getByLabel("The same again").fill(passphrase)
    await page.getByRole("button", { name: "Lock with a passphrase" }).click()
    const lock = page.getByRole("button", { name: "Lock now" })
    const unlock = page.getByRole("button", { name: "Unlock" })
    const times = await interleave(rounds, {
      node: () => timed(() => unlockByPassphrase(text, passphrase)),
      async browser() {
        await lock.click()
        await page.getByLabel("Passphrase", { exact: true }).fill(passphrase)
        return timed(async () => {
          await unlock.click()
          await lock.waitFor()
        })
      },
      alone: () => timed(() => Promise.resolve(derive())),
    })
    const peer = `scrypt alone, by OpenSSL ${median(times.alone).toFixed(0)} ms`
    const row = (name: string, own: number[]): BenchRow => ({
      name,
      value: `${median(own).toFixed(0)} ms`,
      peer,
      ratio: median(own) / median(times.alone),
      limit: null,
      range: rangeOf(own),
    })
    return [
      row("Unlock an identity, command line", times.node),
      row("Unlock this browser, click to unlocked (in a worker)", times.browser),
    ]
  } finally {
    await browser.stop()
  }
}

function derive(): Uint8Array {
  const N = 2 ** workFactor
  return scryptSync(passphrase, "salt", 32, { N, r: 8, p: 1, maxmem: 129 * 8 * N })
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
