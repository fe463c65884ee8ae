import { PspError, toPspError } from "../shared/errors.js"
import { probeStore, type StoreProbe } from "../shared/probe-store.js"
import type { CallOptions } from "../shared/provider.js"
import type { Config } from "./config.js"
import { openStore } from "./stores.js"

/** Tries a store before it is set, and lets go of it. @throws as `probeStore` and `openStore`, and says that nothing was set */
export async function tryStore(
  address: string,
  env: Record<string, string | undefined>,
  home: string,
  options: CallOptions = {},
): Promise<StoreProbe> {
  const provider = await openStore(address, env, home)
  try {
    return await probeStore(provider, options)
  } catch (error) {
    const { code, message } = toPspError(error, "Trying the store")
    throw new PspError(code, `${message}; nothing was set`)
  } finally {
    await provider.close?.()
  }
}

/** The configuration with another store and what its trial found: one write for both. null: it was not tried. */
export function configWithStore(config: Config, address: string, probe: StoreProbe | null, now: number): Config {
  const set: Config = { ...config, store: address }
  delete set.trial
  if (probe === null) return set
  const { isCreateOnly, maxObjectBytes, warnings } = probe
  return { ...set, trial: { of: address, at: now, isCreateOnly, maxObjectBytes, warnings } }
}
