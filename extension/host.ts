import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import type { Vault } from "../shared/vault.js"
import { openDeviceVault } from "./device.js"
import { connect, type Connection } from "./native-port.js"
import { createPortProvider } from "./port-provider.js"

/**
 * Connect, work, disconnect: no port stays open, so no host process outlives its work. Connected once nobody else is at the
 * vault: what the host says of its store is then still so when the work begins.
 */
export async function withHost<T>(work: (vault: Vault, connection: Connection) => Promise<T>): Promise<T> {
  return alone(async () => {
    const connection = await connect()
    try {
      const provider = createPortProvider(connection)
      await provider.check?.()
      return await work(await openDeviceVault(provider), connection)
    } finally {
      connection.close()
    }
  })
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
