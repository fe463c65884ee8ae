/**
 * What a session comes to, by the words at the top of `shared/merge.ts` and nothing else: every register that was ever written is kept, and
 * each question is answered by going through all of them. It shares no code with what it judges.
 */
export interface NaiveState {
  registers: NaiveRegister[]
  /** All that began before is known here; what is not held of it is dead. */
  floor: string
}

export interface NaiveRegister {
  field: string
  clock: string
  writer: string
  born?: string
  value?: unknown
  deleted?: boolean
}

/** @param areasOf every area that a field is in, the areas around these too */
export function naiveLives(states: NaiveState[], areasOf: (field: string) => string[]): Map<string, NaiveRegister> {
  const all = states.flatMap(({ registers }) => registers)
  const isEnded = ({ field, born = "" }: NaiveRegister) =>
    all.some((one) => one.deleted && one.clock > born && [field, ...areasOf(field)].includes(one.field)) ||
    states.some(
      ({ registers, floor }) =>
        floor > born && !registers.some((one) => !one.deleted && one.field === field && one.born === born),
    )
  const living = all.filter((one) => !one.deleted && !isEnded(one))
  const isBeaten = (one: NaiveRegister) =>
    living.some((other) => other.field === one.field && orderOf(other) > orderOf(one))
  return new Map(living.filter((one) => !isBeaten(one)).map((one) => [one.field, one]))
}

/** The later clock, then the writer, then the text of the value, then the younger life: all texts here are of one length. */
function orderOf({ clock, writer, value, born }: NaiveRegister): string {
  return [clock, writer, JSON.stringify(value), born].join(" ")
}
