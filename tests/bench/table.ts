/** One line of the table that `npm run bench` prints and the README shows. */
export interface BenchRow {
  name: string
  /** Median of ours, with its unit. */
  value: string
  /** Median of what it is measured beside, with its unit; `""` where there is nothing beside. */
  peer: string
  /** Ours less the peer, with its unit, where the limit is a difference. */
  difference?: string
  /** Ours divided by the peer. */
  ratio: number | null
  /** Largest ratio that was promised. */
  limit: number | null
  /** Fastest to slowest run of ours. */
  range: string
}

/** Interleaved: every round runs every candidate once, so that a slow minute of the machine is everybody's. */
export async function interleave<Name extends string>(
  rounds: number,
  candidates: Record<Name, () => Promise<number>>,
  warmups = 1,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(candidates) as Name[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = -warmups; round < rounds; round++) {
    // Each goes first as often as it goes last.
    const order = round % 2 === 0 ? names : names.toReversed()
    for (const name of order) {
      const time = await candidates[name]()
      if (round >= 0) times[name].push(time)
    }
  }
  return times
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** A row for times in ms: ours beside a peer. */
export function compareRow(name: string, ours: number[], peer: number[], limit: number | null): BenchRow {
  return {
    name,
    value: `${median(ours).toFixed(1)} ms`,
    peer: `${median(peer).toFixed(1)} ms`,
    ratio: median(ours) / median(peer),
    limit,
    range: rangeOf(ours),
  }
}

export function rangeOf(times: number[]): string {
  return `${Math.min(...times).toFixed(1)}–${Math.max(...times).toFixed(1)} ms`
}
