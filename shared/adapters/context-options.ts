import type { Gap } from "../report.js"
import type { BrowserContextState, Snapshot } from "../snapshot.js"

/** Options of `browser.newContext` in Playwright that make the site see the browser it knows. */
export interface ContextOptions {
  userAgent?: string
  locale?: string
  timezoneId?: string
  viewport?: { width: number; height: number }
  deviceScaleFactor?: number
  colorScheme?: "light" | "dark"
  extraHTTPHeaders?: Record<string, string>
}

/**
 * What to give to `browser.newContext` before `restore`; empty when the snapshot knows nothing of the browser.
 *
 * Playwright takes one locale: `navigator.languages` has only the first language, the Accept-Language header all of them.
 * Client hints (`sec-ch-ua…`) follow the user agent's system, but always tell the engine's own version.
 */
export function contextOptions({ context }: Pick<Snapshot, "context">): ContextOptions {
  if (context === undefined) return {}
  const { userAgent, languages, timezone, viewport, colorScheme } = context
  const [locale] = languages
  const size = { width: Math.round(viewport.width), height: Math.round(viewport.height) }
  return {
    userAgent,
    ...(locale === undefined ? {} : { locale }),
    ...(timezone === "" ? {} : { timezoneId: timezone }),
    ...(size.width > 0 && size.height > 0 ? { viewport: size } : {}),
    ...(viewport.scale > 0 ? { deviceScaleFactor: viewport.scale } : {}),
    colorScheme,
    ...(languages.length > 1 ? { extraHTTPHeaders: { "accept-language": acceptLanguage(languages) } } : {}),
  }
}

/**
 * What of the captured browser this one does not show. Only what a server or its scripts commonly compare: user agent,
 * timezone, first language, and the engine behind the user agent.
 */
export function contextGaps(
  captured: BrowserContextState,
  shown: BrowserContextState | null,
  engine: { name: string; version: string } | null,
): Gap[] {
  const different =
    shown === null
      ? []
      : [
          ...(shown.userAgent === captured.userAgent ? [] : ["user agent"]),
          ...(shown.timezone === captured.timezone ? [] : ["timezone"]),
          ...(shown.languages[0] === captured.languages[0] ? [] : ["language"]),
        ]
  const gaps: Gap[] = []
  if (different.length > 0) {
    gaps.push({
      kind: "context",
      where: "browser context",
      what: different.join(", "),
      why: "differs from the browser that was captured, and can only be set when a context is made",
      fix: "make it with browser.newContext(contextOptions(snapshot))",
      count: different.length,
    })
  }
  const claimed = engineOf(captured.userAgent)
  if (
    claimed !== null &&
    engine !== null &&
    (claimed.name !== engine.name || claimed.major !== majorOf(engine.version))
  ) {
    gaps.push({
      kind: "context",
      where: "browser context",
      what: "version of the user agent",
      why: `it says ${claimed.name} ${claimed.major}, this is ${engine.name} ${majorOf(engine.version)}, which client hints tell`,
      fix: "use a browser of the captured version, or capture again with a newer one",
      count: 1,
    })
  }
  return gaps
}

/** As Chrome writes it: `de-AT,de;q=0.9,en;q=0.8`, never below 0.1. */
function acceptLanguage(languages: string[]): string {
  return languages
    .map((language, index) => (index === 0 ? language : `${language};q=${Math.max(10 - index, 1) / 10}`))
    .join(",")
}

function engineOf(userAgent: string): { name: string; major: number } | null {
  const firefox = /\bFirefox\/(\d+)/.exec(userAgent)?.[1]
  if (firefox !== undefined) return { name: "firefox", major: Number(firefox) }
  const chrome = /\b(?:Headless)?(?:Chrome|Chromium)\/(\d+)/.exec(userAgent)?.[1]
  if (chrome !== undefined) return { name: "chromium", major: Number(chrome) }
  const safari = /\bVersion\/(\d+).*\bSafari\//.exec(userAgent)?.[1]
  return safari === undefined ? null : { name: "webkit", major: Number(safari) }
}

function majorOf(version: string): number {
  return Number(/^\d+/.exec(version)?.[0] ?? 0)
}
