import { expect, test } from "@playwright/test"
import { connect, type Browser } from "puppeteer-core"
import { connectCdpAddress } from "../../shared/adapters/cdp/address.js"
import { openCdpContext } from "../../shared/adapters/cdp/context.js"
import { cookie, describeAdapter, sessionOf } from "../contracts/adapter-contract.js"
import { rawAdapter } from "../contracts/raw-adapter.js"
import { startRunningChromium, type RunningChromium } from "../servers/chromium.js"
import { openPuppeteerContext } from "./puppeteer-target.js"

/** A context of the running browser. */
interface Place {
  id: string | null
}

let chromium: RunningChromium
/** What drives the tabs of the suite, on a line of its own beside ours, as a person's own tool does. */
let beside: Browser

test.beforeAll(async () => {
  chromium = await startRunningChromium()
  beside = await connect({ browserWSEndpoint: chromium.socket })
})
test.afterAll(async () => {
  await beside.disconnect()
  await chromium.stop()
})

const openPlace = async ({ id }: Place) => openCdpContext(await connectCdpAddress(chromium.address), id)
const adapter = rawAdapter("cdp", openPlace)

describeAdapter<Place>("raw cdp in Chromium", {
  adapter,
  open: async () => {
    const { target: context, ...rest } = await openPuppeteerContext(beside)
    return { ...rest, target: { id: context.id ?? null } }
  },
  // Whoever speaks CDP itself does all of it.
  differences: {},
  wrongTargets: { "a context that is not there": () => ({ id: "0123456789ABCDEF0123456789ABCDEF" }) },
})

test("a restore over cdp into one context leaves the browser's others as they are", async () => {
  const mine = await openPuppeteerContext(beside)
  const cookies = [cookie()]
  const snapshot = sessionOf("http://app.fern.test", { cookies, local: [["token", "1"]] })
  expect(await adapter.restore({ id: mine.target.id ?? null }, snapshot)).toMatchObject({ ok: true })
  for (const [id, held] of [
    [mine.target.id ?? null, cookies],
    [null, []],
  ] as const) {
    const { cookies: found } = await adapter.capture({ id }, { site: "fern.test", kinds: ["cookies"] })
    expect(found).toEqual(held)
  }
  await mine.close()
})
