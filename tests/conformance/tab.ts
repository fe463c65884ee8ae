import type { Filled } from "./fill-indexeddb.js"
import { framed } from "./frames.js"
import type { Seen } from "./see.js"
import type { ConformanceSite, Host } from "./server.js"

/** A tab of any tool: a page of Playwright or Puppeteer is one as it is. `evaluate` waits for a promise. */
export interface Tab {
  goto(url: string): Promise<unknown>
  evaluate(expression: string): Promise<unknown>
}

/** One thing to fill and the address that tells what became of it; each wants a tab of its own, for sessionStorage. */
export interface State {
  name: string
  host: Host
  secure: boolean
  fillPath: string
  seePath: string
}

const onPage = (name: string, fillPath: string, host: Host = "app.conf.test", secure = true): State => {
  return { name, host, secure, fillPath, seePath: "/see" }
}

const inFrame = (name: string, outer: readonly [Host, ...Host[]], fillPath: string, secure = true): State => {
  const [host, ...inner] = outer
  const frames = [...inner, "app.conf.test"] as const
  return { name, host, secure, fillPath: framed(frames, fillPath), seePath: framed(frames, "/see") }
}

/** All that the site can fill. */
export const states: State[] = [
  onPage("cookies", "/fill/cookies"),
  onPage("cookies of the bare www host", "/fill/cookies", "www.conf.test"),
  onPage("cookies over http", "/fill/cookies", "api.conf.test", false),
  onPage("partitioned cookies, first party", "/fill/partitioned?label=first-party"),
  onPage("a session that stays at home", "/fill/unportable"),
  onPage("localStorage", "/fill/local"),
  onPage("localStorage over http", "/fill/local", "app.conf.test", false),
  onPage("sessionStorage of tab one", "/fill/session?tab=one"),
  onPage("sessionStorage of tab two", "/fill/session?tab=two"),
  onPage("IndexedDB", "/fill/indexeddb"),
  onPage("IndexedDB over http", "/fill/indexeddb", "app.conf.test", false),
  onPage("origin private files", "/fill/opfs"),
  onPage("caches", "/fill/caches"),
  onPage("service worker", "/fill/worker", "www.conf.test"),
  inFrame("third-party frame", ["top.test"], "/fill/frame?label=below-top"),
  inFrame("third-party frame of another subdomain", ["shop.top.test"], "/fill/frame?label=below-shop"),
  inFrame("frame in a frame", ["top.test", "login.idp.test"], "/fill/frame?label=two-levels"),
  inFrame("own frame below another site", ["app.conf.test", "login.idp.test"], "/fill/frame?label=ancestor-bit"),
  inFrame("third-party frame below http", ["top.test"], "/fill/frame?label=below-http", false),
]

/** Opens the page that fills a state, and waits until it has. */
export async function fill(tab: Tab, site: ConformanceSite, state: State): Promise<Filled> {
  await tab.goto(site.url(state.host, state.fillPath, state))
  return ((await answerOf(tab, "filled")) ?? { refused: [] }) as Filled
}

/** What is seen at the place of a state: the page's own view, or that of the innermost frame. */
export async function whatIsSeen(
  tab: Tab,
  site: ConformanceSite,
  place: Pick<State, "host" | "secure" | "seePath">,
): Promise<Seen> {
  await tab.goto(site.url(place.host, place.seePath, place))
  return (await answerOf(tab, "seen")) as Seen
}

/** Through the identity provider and back, so that it is the referrer; what is seen then. */
export async function signInAtProvider(tab: Tab, site: ConformanceSite, host: Host = "app.conf.test"): Promise<Seen> {
  await tab.goto(site.url(host, "/redirect-from-idp"))
  await answerOf(tab, "filled")
  await tab.evaluate("void setTimeout(() => document.forms[0].submit())")
  for (;;) {
    // The page goes away while it is asked.
    const seen = await tab.evaluate("window.seen").catch(() => undefined)
    if (typeof seen === "string") return parsed(seen) as Seen
  }
}

async function answerOf(tab: Tab, name: "filled" | "seen"): Promise<unknown> {
  const answer = await tab.evaluate(`window.${name}`)
  if (typeof answer !== "string") throw new Error(`Expected window.${name}, got ${typeof answer}`)
  return parsed(answer)
}

function parsed(answer: string): unknown {
  const { failed, value } = JSON.parse(answer) as { failed?: string; value?: unknown }
  if (failed !== undefined) throw new Error(`The page failed: ${failed}`)
  return value
}
