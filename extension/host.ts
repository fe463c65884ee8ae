import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import type { Vault } from "../shared/vault.js"
import { openDeviceVault } from "./device.js"
import { connect, type Connection } from "./native-port.js"
import { createPortProvider } from "./port-provider.js"

/** Connect, work, disconnect: no port stays open, so no host process outlives its work. */
export async function withHost<T>(work: (vault: Vault, connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect()
  try {
    const provider = createPortProvider(connection)
    await provider.check?.()
    return await withVault(provider, (vault) => work(vault, connection))
  } finally {
    connection.close()
  }
}

/** The vault without its store: for sealing, and for what this browser remembers. */
export function withVaultOffline<T>(work: (vault: Vault) => Promise<T>): Promise<T> {
  return withVault(noStore, work)
}

/** One at a time: a vault writes down all it remembers, so two at once would undo each other's notes. */
function withVault<T>(provider: Provider, work: (vault: Vault) => Promise<T>): Promise<T> {
  return navigator.locks.request("vault", async () => work(await openDeviceVault(provider)))
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
