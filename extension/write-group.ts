import { groupOfItem } from "../shared/merge/field-groups.js"
import { fieldsOf, idOf, pathOf, type FieldId, type Group } from "../shared/merge/fields.js"
import type { KnownFields } from "../shared/merge/changes.js"
import type { Swap } from "../shared/page/swap-items.js"
import type { OriginState, Snapshot } from "../shared/snapshot.js"
import type { OpenFrames } from "./open-frames.js"
import { cookiesOf, hostnameOfCookies, swapCookies } from "./write-cookies.js"
import { itemsAt, swapItemsAt } from "./write-storage.js"

/** The origins that a group has, or may have, items in. */
export function originsOfGroup(field: FieldId, known: KnownFields, wanted: Group | null): string[] {
  const ofWanted = (wanted?.items ?? []).map(({ origin }) => origin)
  const captured = [...known.keys()].map(pathOf).flatMap(([kind, name, origin, partition]) => {
    const isOne = kind === "area" && name === "localStorage" && partition === null
    return isOne && idOf(groupOfItem(String(origin), null, prefix)) === field ? [String(origin)] : []
  })
  return [...new Set([...captured, ...ofWanted])]
}

/** What begins so stands in the group, whatever it is called. */
const prefix = "msal."

/** What the group is here: null when nothing of it is. An origin that cannot be read now is named instead. */
export async function groupOf(
  field: FieldId,
  origins: readonly string[],
  frames: OpenFrames,
  storeId: string,
): Promise<{ group: Group | null } | { unread: string }> {
  const states: OriginState[] = []
  for (const origin of origins) {
    const items = await itemsAt(frames, { origin, partition: null }, { keys: null, prefix })
    if (items === null) return { unread: origin }
    states.push({ origin, partition: null, localStorage: items })
  }
  const cookies = await cookiesOf(field, hostnameOfCookies(field), storeId)
  // As a capture writes it, or it would look changed.
  const found = fieldsOf({ cookies, origins: states } as Snapshot).get(field)
  return { group: (found?.value as Group | undefined) ?? null }
}

/** The key and all that it opens, or nothing of it. */
export async function swapGroup(
  from: Group | null,
  to: Group | null,
  frames: OpenFrames,
  storeId: string,
): Promise<boolean> {
  const swaps = swapsOf(from, to)
  const done: [string, Swap[]][] = []
  const undo = async () => {
    for (const [origin, own] of done) {
      const back = own.map(([key, was, is]): Swap => [key, is, was])
      await swapItemsAt(frames, { origin, partition: null }, back)
    }
  }
  for (const [origin, own] of swaps) {
    if (!(await swapItemsAt(frames, { origin, partition: null }, own))) {
      await undo()
      return false
    }
    done.push([origin, own])
  }
  const [fromCookies, toCookies] = [from?.cookies ?? [], to?.cookies ?? []]
  if (await swapCookies(fromCookies, toCookies, storeId)) return true
  await undo()
  return false
}

/** By origin: what changes. */
function swapsOf(from: Group | null, to: Group | null): Map<string, Swap[]> {
  const swaps = new Map<string, Swap[]>()
  const valueIn = (group: Group | null, origin: string, key: string) =>
    group?.items.find((one) => one.origin === origin && one.item[0] === key)?.item[1] ?? null
  const seen = new Set<string>()
  for (const { origin, item } of [...(from?.items ?? []), ...(to?.items ?? [])]) {
    const [key] = item
    const id = JSON.stringify([origin, key])
    const swap: Swap = [key, valueIn(from, origin, key), valueIn(to, origin, key)]
    if (!seen.has(id) && swap[1] !== swap[2]) swaps.set(origin, [...(swaps.get(origin) ?? []), swap])
    seen.add(id)
  }
  return swaps
}
