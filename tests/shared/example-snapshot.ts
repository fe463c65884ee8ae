import type { Snapshot } from "../../shared/snapshot.js"

/** A small session with something of every kind; values are recognisable, so that a test can look for leaks. */
export function exampleSnapshot(site = "example.com", account = "default", token = "canary-token"): Snapshot {
  return {
    schema: 1,
    sites: [site],
    account,
    capturedAt: 1_700_000_000_000,
    capturedBy: { tool: "test", version: "0.0.0", browser: { engine: "chromium", major: 156 } },
    cookies: [
      {
        name: "sid",
        value: `canary-cookie-${token}`,
        domain: `app.${site}`,
        hostOnly: true,
        path: "/",
        secure: true,
        httpOnly: true,
        sameSite: "unspecified",
        expiresAt: null,
        partition: null,
      },
    ],
    origins: [
      {
        origin: `https://app.${site}`,
        partition: null,
        localStorage: [
          ["token", token],
          ["length", "\ud800"],
        ],
      },
    ],
    tabs: [
      {
        id: "1",
        url: `https://app.${site}/home`,
        sessionStorage: [{ origin: `https://app.${site}`, partition: null, items: [["tab", "canary-tab"]] }],
      },
    ],
    context: {
      userAgent: "Mozilla/5.0 (X11; Linux x86_64) Example/1.0",
      clientHints: null,
      languages: ["de-AT", "de"],
      timezone: "Europe/Vienna",
      viewport: { width: 1280, height: 720, scale: 1 },
      colorScheme: "dark",
    },
    report: { captured: { cookies: 1, localStorage: 2, sessionStorage: 1, context: 1 }, gaps: [] },
  }
}
