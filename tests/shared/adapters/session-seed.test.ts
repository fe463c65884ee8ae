import { EventEmitter } from "node:events"
import { expect, it, vi } from "vitest"
import type { DrivenContext, DrivenPage } from "../../../shared/adapters/driven-context.js"
import { seedNextTab } from "../../../shared/adapters/session-seed.js"

/**
 * What a fake context tells its browser, in the order in which it does. As Playwright 1.65 does it: a script is read before
 * it is sent, which lets other calls pass; taking one away is sent at once.
 */
function createFakeContext() {
  const sent: string[] = []
  const adder = (who: string) => async () => {
    await Promise.resolve()
    sent.push(`${who} gets a script`)
    return { dispose: () => Promise.resolve(void sent.push(`${who} loses a script`)) }
  }
  const events = new EventEmitter()
  const pageEvents = new EventEmitter()
  const frame = {
    url: () => "https://app.example.com/",
    parentFrame: () => null,
    evaluate: () => Promise.resolve(true),
  }
  const page = Object.assign(pageEvents, {
    addInitScript: adder("the tab"),
    frames: () => [frame],
    isClosed: () => false,
  }) as unknown as DrivenPage
  const pages: DrivenPage[] = []
  const context = Object.assign(events, {
    addInitScript: adder("the context"),
    pages: () => pages,
  }) as unknown as DrivenContext
  const visit = () => {
    pages.push(page)
    events.emit("page", page)
  }
  return { context, visit, sent }
}

it("a tab can take away what its last document left before the seed is taken away, in the order the browser hears of it", async () => {
  const { context, visit, sent } = createFakeContext()
  const sessionStorage = [
    { origin: "https://app.example.com", partition: null, items: [["key", "value"]] as [string, string][] },
  ]
  await seedNextTab(context, { id: "1", url: "https://app.example.com/", sessionStorage }, true)
  visit()
  await vi.waitFor(() => expect(sent).toHaveLength(4))
  expect(sent).toEqual([
    "the context gets a script",
    "the tab gets a script",
    "the context loses a script",
    "the tab loses a script",
  ])
})
