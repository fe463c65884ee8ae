const hour = 60 * 60 * 1000

/** What the person can choose from (ms). */
export const spans = [hour, 8 * hour, 7 * 24 * hour] as const

/** Until when, as it is chosen: a span from the click on, a moment, or no end of its own. */
export type EndChoice = { kind: "span"; ms: number } | { kind: "date"; text: string } | { kind: "open" }

export const usualEnd: EndChoice = { kind: "span", ms: 8 * hour }

/** ms since epoch; null for no end of its own, undefined for what is no time to come. */
export function endOf(choice: EndChoice, now: number): number | null | undefined {
  if (choice.kind === "open") return null
  const end = choice.kind === "span" ? now + choice.ms : new Date(choice.text).getTime()
  return end > now ? end : undefined
}
