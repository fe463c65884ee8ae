import { plainName } from "../plain-name.js"
import type { Gap } from "../report.js"
import type { Cookie, Snapshot } from "../snapshot.js"
import { groupBy, liveCookies, portabilityGap } from "./gap.js"

/** A login too long for one cookie is cut into several, and worth nothing when one is gone: one gap for each such login. */
export function pieceGaps(snapshot: Snapshot): Gap[] {
  const jars = groupBy(liveCookies(snapshot), ({ domain, hostOnly, path, partition, firstPartyDomain }) =>
    JSON.stringify([domain, hostOnly, path, partition, firstPartyDomain ?? null]),
  )
  return [...jars.values()].flatMap((jar) => [...numberedPieces(jar), ...countedPieces(jar)])
}

/** Whole name of the login → what stands between it and the number of a piece, which starts at 0. */
const numbered: { separator: string; isLogin: (name: string) => boolean }[] = [
  // Supabase: sb-<project>-auth-token.0, https://github.com/supabase/ssr src/utils/chunker.ts
  { separator: ".", isLogin: (name) => name.startsWith("sb-") && name.endsWith("-auth-token") },
  // Auth.js and NextAuth, https://github.com/nextauthjs/next-auth packages/core/src/lib/utils/cookie.ts
  { separator: ".", isLogin: (name) => /^(?:__Secure-|__Host-)?(?:next-auth|authjs)\.session-token$/.test(name) },
  // Auth0: express-openid-connect and nextjs-auth0 up to 3, and from 4
  { separator: ".", isLogin: (name) => name === "appSession" },
  { separator: "__", isLogin: (name) => name === "__session" },
  // https://github.com/oauth2-proxy/oauth2-proxy
  { separator: "_", isLogin: (name) => name === "_oauth2_proxy" },
]

function numberedPieces(jar: Cookie[]): Gap[] {
  const pieces = jar.flatMap(({ name, domain }) => {
    const piece = pieceOf(name)
    return piece === null ? [] : [{ ...piece, domain }]
  })
  const names = new Set(jar.map(({ name }) => name))
  return [...groupBy(pieces, ({ whole, separator }) => `${separator} ${whole}`).values()].flatMap((group) => {
    const [first] = group
    // Where the login also fits into one cookie, that one is read.
    if (first === undefined || names.has(first.whole)) return []
    const there = new Set(group.map(({ number }) => number))
    // What fits into one cookie is not cut: a login in pieces has two at least.
    const expected = Math.max(2, ...[...there].map((number) => number + 1))
    if (there.size === expected) return []
    const missing = [...Array(there.size + 1).keys()].find((number) => !there.has(number)) ?? there.size
    return pieceGap(first.domain, first.whole, `${first.separator}${missing}`, expected - there.size)
  })
}

function pieceOf(name: string): { whole: string; separator: string; number: number } | null {
  const digits = /(?:0|[1-9]\d{0,2})$/.exec(name.slice(-4))?.[0]
  if (digits === undefined) return null
  const front = name.slice(0, -digits.length)
  const known = numbered.find(
    ({ separator, isLogin }) => front.endsWith(separator) && isLogin(front.slice(0, -separator.length)),
  )
  if (known === undefined) return null
  return { whole: front.slice(0, -known.separator.length), separator: known.separator, number: Number(digits) }
}

/**
 * ASP.NET writes the number of pieces into the first cookie: `<name>=chunks-2`, then `<name>C1` and `<name>C2`.
 *
 * @see https://github.com/dotnet/aspnetcore `ChunkingCookieManager`
 */
function countedPieces(jar: Cookie[]): Gap[] {
  const names = new Set(jar.map(({ name }) => name))
  return jar.flatMap(({ name, value, domain }) => {
    const count = Number(/^chunks[-:]([1-9]\d?)$/.exec(value.slice(0, 12))?.[1] ?? 0)
    const missing = [...Array(count).keys()].map((index) => `C${index + 1}`).filter((piece) => !names.has(name + piece))
    return missing[0] === undefined ? [] : pieceGap(domain, name, missing[0], missing.length)
  })
}

function pieceGap(domain: string, whole: string, firstMissing: string, count: number): Gap {
  return portabilityGap({
    where: domain,
    what: `cookie "${plainName(whole)}" in pieces`,
    why: `the site cut this login into several cookies, and ${count === 1 ? `the piece "${firstMissing}" is` : `${count} pieces, "${firstMissing}" first, are`} missing`,
    fix: "Open the site, make sure that you are logged in, and save again",
    count,
  })
}
