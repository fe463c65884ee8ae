import type { Snapshot } from "../../shared/snapshot.js"
import type { LoadedSession } from "../../shared/vault.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { findSession } from "../sessions.js"
import { printable, sizeText, timeText } from "../terminal.js"

export type InspectOptions = CommonOptions & { showValues?: boolean }

/** What is in a session: kinds, names, sizes, ends, gaps. Values only with `--show-values`. */
export async function inspect(context: CommandContext, options: InspectOptions, site: string): Promise<CommandResult> {
  const { session } = await findSession(context, options, site)
  const isOpen = options.showValues === true
  return { text: treeOf(session, isOpen), json: summaryOf(session, isOpen) }
}

function treeOf({ snapshot, savedAt, expiresAt, writer }: LoadedSession, isOpen: boolean): string {
  const value = (text: string) => (isOpen ? ` = ${printable(text)}` : ` (${sizeText(text.length)})`)
  const lines = [
    `${snapshot.sites.join(", ")}, account "${printable(snapshot.account)}"`,
    `  saved ${timeText(savedAt)} by ${printable(writer.name)}, ends ${timeText(expiresAt)}`,
    `  captured by ${snapshot.capturedBy.tool} ${snapshot.capturedBy.version} in ${snapshot.capturedBy.browser.engine} ${snapshot.capturedBy.browser.major ?? ""}`.trimEnd(),
    kindLine("cookies", snapshot.cookies?.length),
    ...(snapshot.cookies ?? []).map(
      (cookie) =>
        `    ${printable(cookie.name)} @ ${cookie.hostOnly ? "" : "."}${printable(cookie.domain)}${printable(cookie.path)} ${flagsOf(cookie)}${value(cookie.value)}`,
    ),
    kindLine("localStorage", snapshot.origins?.length, "origin"),
    ...(snapshot.origins ?? []).flatMap(({ origin, localStorage }) => [
      `    ${origin}: ${localStorage === undefined ? "not captured" : `${localStorage.length} key(s)`}`,
      ...(localStorage ?? []).map(([key, text]) => `      ${printable(key)}${value(text)}`),
    ]),
    kindLine("sessionStorage", snapshot.tabs?.length, "tab"),
    ...(snapshot.tabs ?? []).flatMap((tab) =>
      tab.sessionStorage.flatMap(({ origin, items }) => [
        `    tab ${printable(tab.id)}, ${origin}: ${items.length} key(s)`,
        ...items.map(([key, text]) => `      ${printable(key)}${value(text)}`),
      ]),
    ),
    snapshot.context === undefined
      ? "  context: not captured"
      : `  context: ${printable(snapshot.context.userAgent)}, ${printable(snapshot.context.languages.join(","))}, ${printable(snapshot.context.timezone)}`,
    `  gaps: ${snapshot.report.gaps.length === 0 ? "none" : ""}`.trimEnd(),
    ...snapshot.report.gaps.map(
      ({ where, what, why }) => `    ${printable(where)}: ${printable(what)}: ${printable(why)}`,
    ),
  ]
  return lines.join("\n")
}

function kindLine(kind: string, count: number | undefined, unit?: string): string {
  if (count === undefined) return `  ${kind}: not captured`
  return `  ${kind}: ${count}${unit === undefined ? "" : ` ${unit}(s)`}`
}

type Cookie = NonNullable<Snapshot["cookies"]>[number]

function flagsOf({ secure, httpOnly, sameSite, expiresAt, partition }: Cookie): string {
  return [
    secure ? "Secure" : "",
    httpOnly ? "HttpOnly" : "",
    sameSite === "unspecified" ? "" : `SameSite=${sameSite}`,
    expiresAt === null ? "session" : `ends ${timeText(expiresAt)}`,
    partition === null ? "" : `partitioned by ${partition.topLevelSite}`,
  ]
    .filter((flag) => flag !== "")
    .join(" ")
}

function summaryOf({ snapshot, savedAt, expiresAt, writer }: LoadedSession, isOpen: boolean) {
  const hide = (text: string) => (isOpen ? { value: text } : { length: text.length })
  const items = (list: [string, string][]) => list.map(([key, text]) => ({ key, ...hide(text) }))
  const { cookies, origins, tabs, context, report } = snapshot
  return {
    sites: snapshot.sites,
    account: snapshot.account,
    savedAt,
    expiresAt,
    savedBy: writer.name,
    capturedBy: snapshot.capturedBy,
    ...(cookies === undefined
      ? {}
      : { cookies: cookies.map(({ value, ...cookie }) => ({ ...cookie, ...hide(value) })) }),
    ...(origins === undefined
      ? {}
      : {
          origins: origins.map(({ origin, partition, localStorage }) => ({
            origin,
            partition,
            ...(localStorage === undefined ? {} : { localStorage: items(localStorage) }),
          })),
        }),
    ...(tabs === undefined
      ? {}
      : {
          tabs: tabs.map(({ id, sessionStorage }) => ({
            id,
            sessionStorage: sessionStorage.map((area) => ({ ...area, items: items(area.items) })),
          })),
        }),
    ...(context === undefined ? {} : { context }),
    gaps: report.gaps,
  }
}
