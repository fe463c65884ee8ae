/** What may be under way at once: enough to hide the way to a distant store, not enough to fill the memory. */
const most = 8
const mostBytes = 32 * 1024 * 1024

/**
 * Does the work for each item, several at once while they are small. After a failure nothing new begins, and what is under
 * way comes to its end first.
 *
 * @throws the first failure
 */
export async function inLanes<T extends { bytes: number }>(
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>()
  const failures: unknown[] = []
  let bytes = 0
  for (const item of items) {
    while (running.size > 0 && (running.size === most || bytes + item.bytes > mostBytes)) await Promise.race(running)
    if (failures.length > 0) break
    bytes += item.bytes
    const lane = work(item)
      .catch((error: unknown) => void failures.push(error))
      .finally(() => {
        bytes -= item.bytes
        running.delete(lane)
      })
    running.add(lane)
  }
  await Promise.all(running)
  if (failures.length > 0) throw failures[0]
}
