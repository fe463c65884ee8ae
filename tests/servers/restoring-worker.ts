import puppeteer, { type BrowserWorker } from "@cloudflare/puppeteer"
import type { RestoreOptions } from "../../shared/adapters/adapter.js"
import { restore } from "../../shared/adapters/cloudflare-workers.js"
import { parseSnapshot } from "../../shared/snapshot.js"

interface Asked {
  snapshot: unknown
  options: RestoreOptions
  expression: string
}

/** A Worker that restores the session it is sent into its browser, and tells what an expression gives in each tab then. */
const worker = {
  async fetch(request: Request, env: { BROWSER: BrowserWorker }): Promise<Response> {
    const { snapshot, options, expression } = (await request.json()) as Asked
    const browser = await puppeteer.launch(env.BROWSER)
    try {
      const report = await restore(browser, parseSnapshot(snapshot), options)
      const pages = await browser.pages()
      return Response.json({ report, tabs: await Promise.all(pages.map((page) => page.evaluate(expression))) })
    } finally {
      await browser.close()
    }
  },
}

export { worker as default }
