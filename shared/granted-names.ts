import { nameWords, partsOfName } from "./field-names.js"
import { distinctName } from "./merge/describe.js"
import type { Kind } from "./report.js"
import { timeText } from "./time-text.js"
import type { Grant } from "./vault.js"

interface Covered {
  sites: readonly string[]
  kinds: "all" | readonly Kind[]
  names: readonly string[] | null
}

/** What a grant covers, for the access history. */
export function grantedNames({
  sites,
  kinds,
  names,
  saveBack,
  expiresAt,
}: Covered & Pick<Grant, "saveBack" | "expiresAt">): string[] {
  return [
    `sites ${sites.join(", ")}`,
    whatText(kinds, names),
    saveBack ? "may save back" : "may only read",
    untilText(expiresAt),
    ...chosenNames(names ?? []),
  ]
}

/** As `grantedNames`, of a file that was sealed for somebody. */
export function fileNames({ sites, kinds, names, expiresAt }: Covered & { expiresAt: number }): string[] {
  const until = untilText(expiresAt)
  return ["as a file", `sites ${sites.join(", ")}`, whatText(kinds, names), until, ...chosenNames(names ?? [])]
}

function whatText(kinds: Covered["kinds"], names: Covered["names"]): string {
  if (names !== null) return names.length === 1 ? "1 chosen name" : `${names.length} chosen names`
  return kinds === "all" ? "all kinds" : kinds.join(", ")
}

function untilText(expiresAt: number | null): string {
  return expiresAt === null ? "until it is revoked" : `until ${timeText(expiresAt)}`
}

/** So many are told by name, the rest is counted. */
const mostNamed = 10

function chosenNames(names: readonly string[]): string[] {
  const named = names.slice(0, mostNamed).map((text) => {
    const { kind, name } = partsOfName(text) ?? { kind: null, name: text }
    return `${kind === null ? "" : `${nameWords[kind]} `}"${distinctName(name)}"`
  })
  return names.length > mostNamed ? [...named, `and ${names.length - mostNamed} more names`] : named
}
