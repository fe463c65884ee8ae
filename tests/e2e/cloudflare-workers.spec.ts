import { expect, test } from "@playwright/test"
import { createCard, createIdentity, identityToText } from "../../shared/keys.js"
import { createKvProvider, type KvNamespace } from "../../shared/providers/cloudflare-kv.js"
import { openVault } from "../../shared/vault.js"
import { cookie, sessionOf } from "../contracts/adapter-contract.js"
import { startBrowserWorker } from "../servers/browser-worker.js"
import { startRunningChromium, type RunningChromium } from "../servers/chromium.js"
import { startSite, type Site } from "../site/site.js"

let site: Site
let chromium: RunningChromium

test.beforeAll(async () => {
  site = await startSite({ hostname: "app.fern.test" })
  chromium = await startRunningChromium()
})
test.afterAll(async () => {
  await chromium.stop()
  await site.close()
})

test("the example Worker opens a session from KV inside workerd, and its browser sends the cookie", async () => {
  const owner = await createIdentity("laptop")
  const miniflare = await startBrowserWorker("docs/examples/cloudflare-worker/worker.ts", chromium, {
    kvNamespaces: ["SESSIONS"],
    bindings: { PSP_IDENTITY: identityToText(owner), PSP_OWNER: await createCard(owner) },
  })
  try {
    const namespace = (await miniflare.getKVNamespace("SESSIONS")) as unknown as KvNamespace
    const vault = await openVault(createKvProvider({ namespace }), { identity: owner })
    await vault.save(sessionOf(site.origin, { cookies: [cookie()], local: [["token", "1"]], session: [["tab", "2"]] }))
    const answer = await miniflare.dispatchFetch(`http://worker.test/?url=${site.origin}/probe`)
    const restored = { cookies: 1, localStorage: 1, sessionStorage: 1 }
    expect(await answer.json()).toEqual({ title: "Probe", restored, gaps: [] })
    expect(site.requests.map(({ path, cookie: sent }) => [path, sent])).toEqual([["/probe", "sid=abc"]])
  } finally {
    await miniflare.dispose()
  }
})
