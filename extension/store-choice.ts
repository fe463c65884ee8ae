import { isPspError, PspError } from "../shared/errors.js"
import type { CredentialFact, StoreFacts } from "../shared/store-facts.js"
import { changingStore, withHost } from "./host.js"
import { connect, hostTooOld, type Connection } from "./native-port.js"
import { trustOf } from "./trust.js"

/** Only a trusted computer is told where to keep sessions: what it answers decides where the next ones go. */
export interface StoreView extends StoreFacts {
  mayChange: boolean
  /** Why the store cannot be used now; null when all is well. */
  fault: string | null
}

let changing: AbortController | null = null

/** The store of this computer. @throws as `connect`, `host-too-old`, and what the host answers with */
export async function askStore(): Promise<StoreView> {
  return withConnection(async (connection) => {
    const { store } = connection.hello
    const facts = await askFacts(connection)
    const fault = store.ok ? null : (store.message ?? store.kind)
    return { ...facts, mayChange: await mayChange(connection), fault }
  })
}

/** What a store of this address could be given on this computer, and whether it is kept there: names only. */
export async function askCredentials(address: string): Promise<CredentialFact[]> {
  return withConnection(async ({ request }) => (await request("credentials", { address })).answer.credentials)
}

/**
 * Lets the computer try another store and use it when that went well; null is the folder that it uses without a choice.
 * What was sealed and waits goes out to the new store.
 *
 * @throws `not-trusted`, `busy`, `aborted`, and what the host answers with; the store is the one of before then
 */
export async function changeStore(address: string | null): Promise<StoreView> {
  if (changing !== null) throw new PspError("busy", "Cannot change the store: another one is being tried right now")
  const controller = new AbortController()
  changing = controller
  try {
    // No save is on its way out meanwhile: it would be in one store by half and in the other by half.
    await changingStore(controller.signal, () => setStore(address, controller.signal))
  } catch (error) {
    if (!controller.signal.aborted) throw error
    throw new PspError("aborted", "Cannot change the store: it was called off")
  } finally {
    changing = null
  }
  await announce()
  return askStore()
}

export function cancelStore(): void {
  changing?.abort()
}

async function setStore(address: string | null, signal: AbortSignal): Promise<void> {
  await withConnection(async (connection) => {
    if (!(await mayChange(connection))) {
      throw new PspError("not-trusted", "Cannot change the store: this computer is not trusted; trust it first")
    }
    await askFacts(connection)
    await connection.request("set-store", { address }, { signal })
  })
}

/** The computer finds what is saved in the new store by the members in it; those that cannot be put now go out with the next save. */
async function announce(): Promise<void> {
  try {
    await withHost((vault) => vault.announce())
  } catch (error) {
    if (!isPspError(error)) throw error
  }
}

/** The first of these requests tells a host that knows none of them. */
async function askFacts({ hello, request }: Connection): Promise<StoreFacts> {
  try {
    return (await request("store", {})).answer
  } catch (error) {
    throw isPspError(error, "bad-message") ? hostTooOld(hello.version) : error
  }
}

async function mayChange(connection: Connection): Promise<boolean> {
  return (await trustOf(connection)).state === "trusted"
}

async function withConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect()
  try {
    return await work(connection)
  } finally {
    connection.close()
  }
}
