import type { Gap } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import { cookieNames, groupBy, liveCookies, portabilityGap, siteOfCookie } from "./gap.js"

/**
 * Who guards sites against bots, and what its cookies are called. Such a cookie is given to one browser after a look at
 * it (address, connection, user agent, behaviour). `docs/portability.md` has the source of each row.
 */
const guards: { name: string; cookies: string[]; prefixes?: string[] }[] = [
  { name: "Cloudflare", cookies: ["cf_clearance", "__cf_bm"] },
  { name: "DataDome", cookies: ["datadome"] },
  { name: "Akamai", cookies: ["_abck", "ak_bmsc", "bm_sv", "bm_sz", "bm_mi", "bm_s", "sec_cpt"] },
  {
    name: "HUMAN (PerimeterX)",
    cookies: ["_px", "_px2", "_px3", "_pxhd", "_pxvid", "_pxde", "_pxmvid", "pxcts"],
    prefixes: ["_pxff_"],
  },
  { name: "Imperva", cookies: ["reese84", "___utmvc"], prefixes: ["incap_ses_", "visid_incap_"] },
  { name: "AWS WAF", cookies: ["aws-waf-token"] },
  { name: "Kasada", cookies: ["KP_UIDz", "KP_UIDz-ssn"] },
  { name: "F5", cookies: ["TSPD", "TSPD_101"] },
  { name: "Radware", cookies: [], prefixes: ["__uzma", "__uzmb", "__uzmc", "__uzmd", "__uzme", "__uzmf"] },
]

const guardByCookie = new Map(guards.flatMap(({ name, cookies }) => cookies.map((cookie) => [cookie, name])))
const guardByPrefix = guards.flatMap(({ name, prefixes = [] }) => prefixes.map((prefix) => ({ prefix, name })))

/** Who set a cookie of this name to tell people from bots; null for every other cookie. */
export function botGuardOf(cookieName: string): string | null {
  return (
    guardByCookie.get(cookieName) ?? guardByPrefix.find(({ prefix }) => cookieName.startsWith(prefix))?.name ?? null
  )
}

/** Cookies that were given to this browser and may not be taken from another: one gap for each site and guard. */
export function browserBoundGaps(snapshot: Snapshot): Gap[] {
  const guarded = liveCookies(snapshot).flatMap((cookie) => {
    const guard = botGuardOf(cookie.name)
    return guard === null ? [] : [{ guard, site: siteOfCookie(cookie), name: cookie.name }]
  })
  return [...groupBy(guarded, ({ guard, site }) => `${guard} ${site}`).values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    return portabilityGap({
      where: first.site,
      what: cookieNames(group.map(({ name }) => name)),
      why: `${first.guard} gave this to your browser after checking it, and may not accept it from another browser, address or network`,
      fix: "Expect the site to check again where the session is restored; from the same network and browser version it is less likely",
      count: group.length,
    })
  })
}
