import puppeteer, { type BrowserWorker } from "@cloudflare/puppeteer"
import { openVault, parseIdentity, siteOf } from "persistent-sessions"
import { restore } from "persistent-sessions/cloudflare-workers"
import { createKvProvider, type KvNamespace } from "persistent-sessions/providers/cloudflare-kv"

interface Env {
  BROWSER: BrowserWorker
  SESSIONS: KvNamespace
  /** Of `psp keygen` on this bot's behalf: `npx wrangler secret put PSP_IDENTITY`. */
  PSP_IDENTITY: string
  /** The card of the person: what `psp card` prints on their computer. */
  PSP_OWNER: string
}

/** `GET /?url=https://app.example.com/`: the title of that page, as the person who is logged in there sees it. */
const worker = {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url).searchParams.get("url")
    const site = url === null ? null : siteOf(url)
    if (url === null || site === null) return new Response("Say which page: /?url=…\n", { status: 400 })
    const store = createKvProvider({ namespace: env.SESSIONS }) // one for each request
    const vault = await openVault(store, { identity: parseIdentity(env.PSP_IDENTITY), owner: env.PSP_OWNER })
    const snapshot = await vault.load(site)
    if (snapshot === null) return new Response("No session is saved for that site.\n", { status: 404 })
    const browser = await puppeteer.launch(env.BROWSER)
    try {
      const report = await restore(browser, snapshot)
      const page = await browser.newPage()
      await page.goto(url)
      return Response.json({ title: await page.title(), restored: report.set, gaps: report.gaps })
    } finally {
      await browser.close()
    }
  },
}

export { worker as default }
