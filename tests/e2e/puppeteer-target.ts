import type { Browser, BrowserContext, Page } from "puppeteer-core"
import type { OpenTarget, Tab } from "../contracts/adapter-contract.js"

/** A context of its own in a browser of Puppeteer, for the contract. */
export async function openPuppeteerContext(browser: Browser): Promise<OpenTarget<BrowserContext>> {
  const context = await browser.createBrowserContext()
  return {
    target: context,
    newTab: async () => puppeteerTab(await context.newPage()),
    tabCount: async () => (await context.pages()).length,
    close: () => context.close(),
  }
}

export function puppeteerTab(page: Page): Tab {
  return {
    goto: (url) => page.goto(url),
    reload: () => page.reload(),
    evaluate: <T>(expression: string) => page.evaluate(expression) as Promise<T>,
  }
}
