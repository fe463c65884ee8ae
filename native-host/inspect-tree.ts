import { placeOf } from "../shared/database-pieces.js"
import { gapLines } from "./gap-lines.js"
import { createDraw, indent, itemLines, type Draw } from "./inspect-draw.js"
import type { ContextFacts, CookieFacts, SessionFacts, TabFacts } from "./inspect-facts.js"
import { inUseText, type UsedBy } from "./in-use.js"
import { originLines } from "./inspect-origin.js"
import { countText, printable, sizeText, spanText, timeText } from "./terminal.js"

export interface TreeOptions {
  /** ms since epoch: ends are told as how long they are away. */
  now: number
  /** Long lists and long texts are cut otherwise. */
  all?: boolean
}

/** The facts of a session as an indented tree. Everything that a site chose is made harmless on a terminal. */
export function inspectTree(facts: SessionFacts & { leases?: UsedBy[] }, { now, all = false }: TreeOptions): string[] {
  const draw = createDraw({ now, all })
  const { site, sites, account, cookies, origins, tabs, context, gaps, leases = [] } = facts
  const others = sites.slice(1)
  return [
    `${printable(site)}, account ${draw.name(account)}`,
    ...indent([
      ...(others.length === 0 ? [] : [`with ${printable(others.join(", "))}`]),
      `saved ${timeText(facts.savedAt)} by ${draw.name(facts.savedBy)}, ends ${timeText(facts.expiresAt)} (${spanText(facts.expiresAt - now)})`,
      ...leases.map((lease) => `${inUseText(lease)} (${printable(lease.tool)})`),
      `captured ${timeText(facts.capturedAt)} by ${sourceText(facts.capturedBy, draw)}`,
      ...(cookies === undefined ? ["cookies: not captured"] : cookieLines(cookies, draw)),
      ...(origins === undefined
        ? ["origins: not captured"]
        : draw.list(origins.map((origin) => originLines(origin, draw)))),
      ...(tabs === undefined ? ["tabs: not captured"] : draw.list(tabs.map((tab) => tabLines(tab, draw)))),
      ...(context === undefined ? ["browser context: not captured"] : contextLines(context)),
      ...(gaps.length === 0 ? ["gaps: none"] : gapLines(gaps)),
    ]),
  ]
}

function sourceText({ tool, version, browser, store }: SessionFacts["capturedBy"], { name }: Draw): string {
  const from = [
    ...(store === undefined || store.name === null ? [] : [`container ${name(store.name)}`]),
    ...(store?.isPrivate === true ? ["a private window"] : []),
  ]
  const engine = `${browser.engine} ${browser.major ?? ""}`.trimEnd()
  return printable(`${tool} ${version} in ${engine}`) + (from.length === 0 ? "" : `, from ${from.join(", ")}`)
}

function cookieLines(cookies: CookieFacts[], draw: Draw): string[] {
  const domains = new Map<string, string[][]>()
  for (const cookie of cookies) {
    const lines = domains.get(cookie.domain) ?? []
    lines.push(cookieLine(cookie, draw))
    domains.set(cookie.domain, lines)
  }
  const groups = [...domains].map(([domain, lines]) => [printable(domain), ...indent(draw.list(lines))])
  return [`cookies: ${cookies.length}`, ...indent(draw.list(groups))]
}

function cookieLine(cookie: CookieFacts, draw: Draw): string[] {
  const { name, hostOnly, path, secure, httpOnly, sameSite, expiresAt, partition, firstPartyDomain, bytes, value } =
    cookie
  const parts = [
    draw.name(name),
    ...(path === "/" ? [] : [draw.name(path)]),
    ...(hostOnly ? ["host-only"] : ["with subdomains"]),
    ...(secure ? ["Secure"] : []),
    ...(httpOnly ? ["HttpOnly"] : []),
    ...(sameSite === "unspecified" ? [] : [`SameSite=${sameSite}`]),
    expiresAt === null ? "session" : spanText(expiresAt - draw.now),
    ...(partition === null
      ? []
      : [
          `below ${printable(partition.topLevelSite)}${partition.hasCrossSiteAncestor === true ? " (in a frame)" : ""}`,
        ]),
    ...(firstPartyDomain === undefined || firstPartyDomain === ""
      ? []
      : [`isolated to ${printable(firstPartyDomain)}`]),
    sizeText(bytes),
  ]
  return [parts.join("  "), ...(value === undefined ? [] : indent([draw.value(value)]))]
}

function tabLines({ id, origin, sessionStorage }: TabFacts, draw: Draw): string[] {
  return [
    `tab ${draw.name(id)} at ${origin === null ? "no origin" : printable(origin)}`,
    ...indent(
      sessionStorage.flatMap((area) => [
        `sessionStorage of ${printable(placeOf(area.origin, area.partition))}: ${countText(area.items.length, "key")}`,
        ...indent(itemLines(area.items, draw)),
      ]),
    ),
  ]
}

function contextLines({ userAgent, clientHints, languages, timezone, viewport, colorScheme }: ContextFacts): string[] {
  const { width, height, scale } = viewport
  const system = clientHints === null ? "none" : `${clientHints.platform} ${clientHints.platformVersion}`.trimEnd()
  return [
    "browser context:",
    ...indent([
      printable(userAgent),
      printable(`client hints: ${system}`),
      printable(`languages: ${languages.join(", ")}; time zone: ${timezone}`),
      `window: ${width} × ${height}, scale ${scale}, ${colorScheme}`,
    ]),
  ]
}
