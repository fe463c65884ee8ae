import type { Provider } from "../shared/provider.js"

interface Opened {
  address: string
  provider: Promise<Provider>
  users: number
  isReplaced: boolean
}

/** The store that is set, opened by the first work that needs it. */
export interface CurrentStore {
  /** Does a piece of work with the store that is set as it begins, and lets it keep that one to its end. */
  use: <T>(work: (provider: Provider) => Promise<T>) => Promise<T>
  /** Closes what is open, as soon as nobody uses it any more. */
  letGo: () => Promise<void>
}

/**
 * Looks at each piece of work which store is set: a process that lives on while another one changes the store must not go
 * on saving to the one of before, and call that saved.
 */
export function createCurrentStore(
  addressNow: () => Promise<string>,
  open: (address: string) => Promise<Provider>,
): CurrentStore {
  let current: Opened | null = null

  async function use<T>(work: (provider: Provider) => Promise<T>): Promise<T> {
    const address = await addressNow()
    // Not waited for: whoever came meanwhile would find no store, or another one.
    if (current !== null && current.address !== address) void letGo()
    current ??= { address, provider: open(address), users: 0, isReplaced: false }
    const mine: Opened = current
    mine.users++
    try {
      return await work(await opened(mine))
    } finally {
      mine.users--
      await closeUnused(mine)
    }
  }

  /** One that did not open is tried anew by whoever comes next. */
  async function opened(one: Opened): Promise<Provider> {
    try {
      return await one.provider
    } catch (error) {
      if (current === one) current = null
      throw error
    }
  }

  async function letGo(): Promise<void> {
    if (current === null) return
    const old = current
    current = null
    old.isReplaced = true
    await closeUnused(old)
  }

  return { use, letGo }
}

/** What goes wrong when a store is let go of is nobody's concern any more. */
async function closeUnused({ provider, users, isReplaced }: Opened): Promise<void> {
  if (!isReplaced || users > 0) return
  await provider.then((store) => store.close?.()).catch(() => undefined)
}
