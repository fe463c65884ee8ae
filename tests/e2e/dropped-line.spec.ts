import { expect, test } from "@playwright/test"
import { connectBidiAddress } from "../../shared/adapters/bidi/address.js"
import { openBidiContext } from "../../shared/adapters/bidi/context.js"
import { connectCdpAddress } from "../../shared/adapters/cdp/address.js"
import { openCdpContext } from "../../shared/adapters/cdp/context.js"
import type { LentContext } from "../../shared/adapters/lent-context.js"
import { restoreInto } from "../../shared/adapters/restore.js"
import type { Snapshot, StorageItem } from "../../shared/snapshot.js"
import { cookie, sessionOf } from "../contracts/adapter-contract.js"
import { startRunningChromium } from "../servers/chromium.js"
import { startCutLine } from "../servers/cut-line.js"
import { startBidiFirefox } from "./bidi-firefox.js"
import { firefoxPath, noFirefox } from "./firefox-browser.js"

/** The remote drops in the middle of a restore: wherever that is, it is no success, and nobody waits for an answer. */
const parts = [1, 2, 3, 4, 5, 6, 7, 8].map((tenth) => tenth / 10)

async function restoreBy(open: () => Promise<LentContext>): Promise<unknown> {
  try {
    const context = await open()
    try {
      return await restoreInto({ context, jar: context.jar }, session())
    } finally {
      await context.close().catch(() => undefined)
    }
  } catch (error) {
    return error
  }
}

test("a raw CDP line that is cut anywhere in a restore is named, at once, and the next line restores", async () => {
  const chromium = await startRunningChromium()
  const line = await startCutLine(chromium.socket)
  const restore = () => restoreBy(async () => openCdpContext(await connectCdpAddress(line.address), null))
  try {
    const whole = { ok: true, set: { cookies: 1, localStorage: 4, sessionStorage: 1 } }
    line.cutAt(Infinity)
    expect(await restore()).toMatchObject(whole)
    const total = line.sent()
    for (const part of parts) {
      line.cutAt(Math.max(1, Math.floor(total * part)))
      const since = Date.now()
      expect(await restore(), `cut at ${part * 100} % of ${total} messages`).toMatchObject({ code: "bad-target" })
      expect(Date.now() - since).toBeLessThan(10_000)
    }
    line.cutAt(Infinity)
    expect(await restore()).toMatchObject(whole)
  } finally {
    await Promise.all([line.close(), chromium.stop()])
  }
})

test("a raw BiDi line to firefox that is cut in a restore is named, at once", async () => {
  test.skip(firefoxPath === undefined, noFirefox)
  const firefox = await startBidiFirefox()
  const line = await startCutLine(firefox.address)
  const restore = () => restoreBy(async () => openBidiContext(await connectBidiAddress(line.address), null))
  try {
    line.cutAt(Infinity)
    expect(await restore()).toMatchObject({ ok: true, set: { cookies: 1, localStorage: 4, sessionStorage: 1 } })
    line.cutAt(Math.floor(line.sent() / 2))
    const since = Date.now()
    expect(await restore()).toMatchObject({ code: "bad-target" })
    expect(Date.now() - since).toBeLessThan(10_000)
  } finally {
    await Promise.all([line.close(), firefox.stop()])
  }
})

/** Of four origins, so that there is a middle. No server is there: a restore asks none. */
function session(): Snapshot {
  const origin = "http://app.fern.test"
  const items: StorageItem[] = [["token", "1"]]
  const origins = ["app", "a", "b", "c"].map((name) => {
    return { origin: `http://${name}.fern.test`, partition: null, localStorage: items }
  })
  return { ...sessionOf(origin, { cookies: [cookie()], session: [["tab", "2"]] }), origins }
}
