type Work = () => Promise<unknown>

/** Web Locks as far as the extension uses them: first come, first served; who shares goes together. */
export function createFakeLocks() {
  const waiting = new Map<string, { isShared: boolean; begin: () => void }[]>()
  const held = new Map<string, { isShared: boolean; count: number }>()

  function serve(name: string): void {
    const queue = waiting.get(name) ?? []
    for (;;) {
      const [next] = queue
      const holder = held.get(name) ?? { isShared: true, count: 0 }
      if (next === undefined || (holder.count > 0 && !(holder.isShared && next.isShared))) return
      queue.shift()
      held.set(name, { isShared: next.isShared, count: holder.count + 1 })
      next.begin()
    }
  }

  return {
    async request(name: string, ...rest: [Work] | [{ mode?: string }, Work]): Promise<unknown> {
      const [options, work] = rest.length === 1 ? [{}, rest[0]] : rest
      await new Promise<void>((begin) => {
        waiting.set(name, [...(waiting.get(name) ?? []), { isShared: options.mode === "shared", begin }])
        serve(name)
      })
      try {
        return await work()
      } finally {
        const { isShared, count } = held.get(name) ?? { isShared: true, count: 1 }
        held.set(name, { isShared, count: count - 1 })
        serve(name)
      }
    },
  }
}
