/**
 * How often changes of one session are saved. A login changes a few times in an hour; a site that changes all the time would fill
 * the store and keep the computer busy for nothing, since only its last state is ever restored.
 */
const freely = 30
const hour = 60 * 60 * 1000
const seldom = 5 * 60 * 1000

/**
 * Until when the next save is put off (ms since epoch); 0 when it may come at once.
 *
 * @param saves when the latest ones were (ms since epoch), the oldest first
 */
export function untilNextSave(saves: readonly number[], now: number): number {
  const recent = saves.filter((at) => at > now - hour && at <= now)
  const until = (recent.at(-1) ?? 0) + seldom
  return recent.length < freely || until <= now ? 0 : until
}

export function afterSave(saves: readonly number[], now: number): number[] {
  return [...saves, now].slice(-freely)
}
