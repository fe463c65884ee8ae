import type { AccessEvent, EventGap } from "./vault.js"

/** Gaps of one kind and writer that follow each other are one: a device that became an owner later cannot open a thousand. */
export async function* together(items: AsyncIterable<AccessEvent | EventGap>): AsyncGenerator<AccessEvent | EventGap> {
  let held: EventGap | null = null
  let lines = 0
  const tally = (gap: EventGap) => (lines === 1 ? gap : { ...gap, message: `${gap.message} (${lines} times in a row)` })
  for await (const item of items) {
    if (held !== null && item.type === "gap" && held.code === item.code && isSame(held, item)) {
      held.count += item.count
      lines++
      continue
    }
    if (held !== null) yield tally(held)
    held = item.type === "gap" ? { ...item } : null
    lines = 1
    if (item.type === "event") yield item
  }
  if (held !== null) yield tally(held)
}

function isSame({ by: a }: EventGap, { by: b }: EventGap): boolean {
  return a?.fingerprint === b?.fingerprint
}
