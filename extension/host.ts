import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import type { Vault } from "../shared/vault.js"
import { openDeviceVault, openReadingVault } from "./device.js"
import { connect, type Connection } from "./native-port.js"
import { createPortProvider } from "./port-provider.js"

/**
 * Connect, work, disconnect: no port stays open, so no host process outlives its work. The store stays the same from before
 * the host tells of it until the work is done.
 */
export async function withHost<T>(work: (vault: Vault, connection: Connection) => Promise<T>): Promise<T> {
  return navigator.locks.request("store", { mode: "shared" }, async () => {
    const connection = await connect()
    try {
      const provider = createPortProvider(connection)
      await provider.check?.()
      return await alone(async () => work(await openDeviceVault(provider), connection))
    } finally {
      connection.close()
    }
  })
}

/** As `withHost`, for what takes long and changes nothing: saves go on meanwhile. */
export async function withReadingHost<T>(work: (vault: Vault) => Promise<T>): Promise<T> {
  return navigator.locks.request("store", { mode: "shared" }, async () => {
    const connection = await connect()
    try {
      const provider = createPortProvider(connection)
      await provider.check?.()
      return await work(await openReadingVault(provider, alone))
    } finally {
      connection.close()
    }
  })
}

/** This computer for as long as somebody looks at it. */
export interface OpenHost {
  /** As `awaitChange` of the host, for this browser's vault. @throws as `Connection.request` */
  watch: (known: string | null, signal: AbortSignal) => Promise<string>
  /** As the work of `withHost`. */
  use: <T>(work: (vault: Vault) => Promise<T>) => Promise<T>
}

/** As `withHost`, for more than one piece of work. In between, the store may become another one, and others may use the vault. */
export async function withOpenHost<T>(work: (host: OpenHost) => Promise<T>): Promise<T> {
  const connection = await connect()
  const provider = createPortProvider(connection)
  try {
    return await work({
      async watch(known, signal) {
        // It may join another vault meanwhile.
        const prefix = await withVaultOffline(async ({ id }) => `${id}/`)
        return (await connection.request("watch", { prefix, known }, { signal })).answer.names
      },
      use: (work) =>
        navigator.locks.request("store", { mode: "shared" }, () =>
          alone(async () => work(await openDeviceVault(provider))),
        ),
    })
  } finally {
    connection.close()
  }
}

/** Does what changes the store while nobody is connected to the old one; a host that is slow to answer holds up no seal. */
export function changingStore<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return navigator.locks.request("store", { signal }, work)
}

/** The vault without its store: for sealing, and for what this browser remembers. */
export function withVaultOffline<T>(work: (vault: Vault) => Promise<T>): Promise<T> {
  return alone(async () => work(await openDeviceVault(noStore)))
}

/** One at a time: a vault writes down all it remembers, so two at once would undo each other's notes. */
function alone<T>(work: () => Promise<T>): Promise<T> {
  return navigator.locks.request("vault", work)
}

const away = () =>
  Promise.reject(new PspError("unreachable", "Cannot use the store: this computer was not asked for it"))

const noStore: Provider = {
  put: away,
  get: away,
  remove: away,
  async *list() {
    await away()
  },
}
