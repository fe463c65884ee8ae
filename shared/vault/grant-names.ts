import { PspError } from "../errors.js"
import { groupedAs, kindsOfNames, nameKinds, namesIn, partsOfName, wholeName } from "../field-names.js"
import type { GrantTerms } from "../grants.js"
import { plainName } from "../plain-name.js"
import { kinds as allKinds, type Kind } from "../report.js"
import type { Snapshot } from "../snapshot.js"

/** What of a session is to be granted: kinds, or single names, or all of it. */
export interface GrantChoice {
  /** All when left out, later versions' included. */
  kinds?: readonly Kind[]
  /** Only what is called so, as `cookies:sid` (`field-names.ts`); not together with `kinds`. */
  names?: readonly string[]
}

/** All devices of the person keep them, and the bot: a whole database by its name is short (characters). */
const mostOfNames = 100_000

/** @throws `usage` for no kinds or names, unknown ones, and for both together */
export function refuseChoice({ kinds, names }: GrantChoice): void {
  if (kinds !== undefined && (kinds.length === 0 || !kinds.every((kind) => allKinds.includes(kind)))) {
    throw new PspError("usage", `Cannot grant: expected some of ${allKinds.join(", ")}`)
  }
  if (names === undefined) return
  if (kinds !== undefined) throw new PspError("usage", "Cannot grant: expected kinds or names, got both")
  if (names.length === 0 || !names.every((name) => partsOfName(name) !== null)) {
    throw new PspError("usage", `Cannot grant: expected names as KIND:NAME, with a kind of ${nameKinds.join(", ")}`)
  }
  const length = names.reduce((sum, name) => sum + name.length, 0)
  if (length <= mostOfNames) return
  const limit = `expected names of at most ${mostOfNames} characters together, got ${length}`
  throw new PspError("usage", `Cannot grant: ${limit}; grant kinds instead`)
}

/**
 * The choice as a grant notes it.
 *
 * @param snapshot what lies at the sites that are granted
 * @param before names that were granted of this session already: they may be granted again, also while the session does not hold them
 * @throws `usage` for a name that the session does not hold
 */
export function chosenOf(
  { kinds, names }: GrantChoice,
  snapshot: Snapshot,
  before: readonly string[] = [],
): Pick<GrantTerms, "kinds" | "names"> {
  if (names === undefined)
    return { kinds: kinds === undefined ? "all" : allKinds.filter((kind) => kinds.includes(kind)) }
  const chosen = [...new Set(names.map(wholeName))].sort()
  const held = new Set([...before, ...namesIn(snapshot)])
  const strange = chosen.find((name) => !held.has(name))
  if (strange === undefined) return { kinds: kindsOfNames(chosen), names: chosen }
  const group = groupedAs(strange)
  const why =
    group !== null && held.has(group)
      ? `it only works together with others; grant ${group}`
      : `the session holds nothing that is called so; psp inspect ${snapshot.sites[0]} shows its names`
  throw new PspError("usage", `Cannot grant "${plainName(strange)}": ${why}`)
}
