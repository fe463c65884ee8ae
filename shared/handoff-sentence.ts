import { partsOfName, type NameKind } from "./field-names.js"
import type { Kind } from "./report.js"
import { defaultAccount } from "./site.js"

/** What one bot will be able to do. */
export interface HandoffTerms {
  name: string
  site: string
  account: string
  /** Other sites that the session holds. */
  others: readonly string[]
  kinds: "all" | readonly Kind[]
  /** Of these kinds only what is called so; null for all of them. */
  names: readonly string[] | null
  saveBack: boolean
  /** ms since epoch; null: until it is revoked. */
  expiresAt: number | null
  /** A file holds what is saved now, and nothing comes back from it. */
  isFile?: boolean
}

/** The words of the sentence, in the language of whoever reads it. Every value given to them is as it is: they make it safe to show. */
export interface HandoffWords {
  account: (site: string, account: string) => string
  others: (sites: string) => string
  only: (kinds: string) => string
  /** One chosen name. */
  name: (kind: NameKind, name: string) => string
  /** The first of the chosen names, in words, and how many more there are. */
  names: (first: string[], more: number) => string
  until: (ms: number) => string
  untilRevoked: () => string
  saveBack: () => string
  /** What lasts no longer than a file does, and what goes on. */
  now: () => string
  nowAndLater: () => string
  /** All of it together. */
  whole: (name: string, where: string, what: string, until: string) => string
}

/** One sentence: what the bot will be able to do. */
export function handoffSentence(
  words: HandoffWords,
  { name, site, account, others, kinds, names, saveBack, expiresAt, isFile = false }: HandoffTerms,
): string {
  const which = account === defaultAccount ? site : words.account(site, account)
  const beside = others.length === 0 ? "" : words.others(others.join(", "))
  const only = names === null ? (kinds === "all" ? null : kinds.join(", ")) : namesText(words, names)
  const what = only === null ? "" : words.only(only)
  const until = expiresAt === null ? words.untilRevoked() : words.until(expiresAt)
  const back = saveBack && !isFile ? words.saveBack() : ""
  return words.whole(name, `${which}${beside}${what}`, isFile ? words.now() : words.nowAndLater(), `${until}${back}`)
}

/** So many are said, the rest is counted. */
const mostSaid = 5

/** Chosen names in the words of whoever reads them. */
export function namesText(words: Pick<HandoffWords, "name" | "names">, names: readonly string[]): string {
  const first = names.slice(0, mostSaid).flatMap((text) => partsOfName(text) ?? [])
  return words.names(
    first.map(({ kind, name }) => words.name(kind, name)),
    Math.max(0, names.length - mostSaid),
  )
}
