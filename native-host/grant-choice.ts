import { PspError } from "../shared/errors.js"
import { nameKinds, partsOfName, wholeName } from "../shared/field-names.js"
import { kinds as allKinds, type Kind } from "../shared/report.js"
import { plainName } from "../shared/plain-name.js"
import type { Grant } from "../shared/vault.js"
import type { GrantChoice } from "../shared/vault/grant-names.js"

/** How a person says what of a session somebody else may open. */
export interface ChoiceOptions {
  kinds?: string
  only?: string[]
}

/** @param doing for the message @throws `usage` */
export function parseChoice({ kinds, only }: ChoiceOptions, doing = "grant"): GrantChoice {
  if (only === undefined) return kinds === undefined ? {} : { kinds: parseKinds(kinds, doing) }
  if (kinds !== undefined) throw new PspError("usage", `Cannot ${doing}: expected --kinds or --only, got both`)
  if (only.every((name) => partsOfName(name) !== null)) return { names: [...new Set(only.map(wholeName))] }
  const expected = `expected --only KIND:NAME with a kind of ${nameKinds.join(", ")}`
  throw new PspError("usage", `Cannot ${doing} these names: ${expected}; psp inspect SITE shows the names`)
}

/** Kinds as they are typed, between commas. @throws `usage` */
function parseKinds(text: string, doing: string): Kind[] {
  const names = text.split(",").map((name) => name.trim())
  const found = allKinds.filter((kind) => names.includes(kind))
  if (found.length === 0 || names.some((name) => !allKinds.some((kind) => kind === name))) {
    throw new PspError("usage", `Cannot ${doing} these kinds: expected some of ${allKinds.join(",")}`)
  }
  return found
}

/** In a cell of a table. */
export function choiceText({ kinds, names }: Pick<Grant, "kinds" | "names">): string {
  if (names === null) return kinds === "all" ? "all" : kinds.join(",")
  const more = names.length - mostInCell
  return [...names.slice(0, mostInCell).map((name) => plainName(name)), ...(more > 0 ? [`${more} more`] : [])].join(",")
}

const mostInCell = 5
