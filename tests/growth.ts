/**
 * How much more processor time eight times as much of something takes: about 8 for work that grows with its input, 64 where it
 * grows with the square of it. Time that other processes take does not count.
 *
 * @param work what is measured, for a share of the whole in 0 to 1; made ready before, run more than once
 */
export function growth(work: (share: number) => () => unknown): number {
  const [few, many] = [work(1 / 8), work(1)]
  // The first runs compile.
  few()
  const small = Math.min(...Array.from({ length: 3 }, () => cost(few)))
  const large = Math.min(cost(many), cost(many))
  return large / small
}

/** Between the two, with room for what collecting garbage adds. */
export const linear = 32

function cost(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
