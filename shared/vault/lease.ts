import { hex, randomBytes } from "../bytes.js"
import { seal } from "../envelope.js"
import { PspError } from "../errors.js"
import { isLive } from "../grants.js"
import type { CallOptions } from "../provider.js"
import { defaultAccount } from "../site.js"
import { isBot, readersAsBot, refuseEnded } from "./granted.js"
import { leasePlaintext, maxLease } from "./lease-payload.js"
import { leasesOf } from "./leases.js"
import type { SessionOptions } from "./load.js"
import { putWhole } from "./parts.js"
import { recordOf } from "./records.js"
import { refresh } from "./refresh.js"
import { refuseEarlyClock } from "./save.js"
import type { VaultState } from "./state.js"

export interface LeaseOptions extends SessionOptions {
  /** How long it counts without being renewed (ms), a day at most; five minutes when left out. */
  ttlMs?: number
  /** What uses the session, for people: never a value. */
  tool: string
  /** Takes the place of all others: heeded from owners only. */
  steal?: boolean
}

/** A session that is in use until this is released, or for a while after the last renewal. */
export interface HeldLease {
  /** ms since epoch. */
  readonly until: number
  /** For as long again from now on. */
  renew(call?: CallOptions): Promise<void>
  release(call?: CallOptions): Promise<void>
}

export const defaultLease = 5 * 60 * 1000
/** Readers' clocks may differ by this (ms): so much longer the envelope can be opened. */
const grace = 60 * 1000

/**
 * Says that a session is in use: advice to whoever asks, and no lock. It is sealed to the owners, and to this identity; a bot's lies
 * beside its copy, where owners look for what it saves back, so no bot sees another one's.
 *
 * @throws `not-granted` for a bot that may not save back, `not-found`, `expired`, `usage`, and the provider's codes
 */
export async function lease(
  vault: VaultState,
  site: string,
  { account = defaultAccount, ttlMs = defaultLease, tool, steal = false, ...call }: LeaseOptions,
): Promise<HeldLease> {
  if (!Number.isSafeInteger(ttlMs) || ttlMs <= 0 || ttlMs > maxLease)
    throw new PspError("usage", "Cannot hold a session: expected a time of up to a day")
  refuseEarlyClock(vault.now())
  await refresh(vault, call)
  const { sid, recipients } = await placeOf(vault, site, account)
  const others = steal ? await leasesOf(vault, sid, call) : []
  const takes = others.map((other) => other.id)
  const id = hex(randomBytes(8))
  let until = 0
  let last: string | null = null

  async function write(released: boolean, options: CallOptions): Promise<void> {
    const clock = vault.tick()
    if (!released) until = vault.now() + ttlMs
    // One that was released must outlast what it takes back, where a store does not let go of that.
    const header = { typ: "lease" as const, vault: vault.id, sid, clock, exp: until + grace + (released ? 1 : 0) }
    const plaintext = leasePlaintext({ id, tool, until, released, takes })
    const sealed = await seal({ header, plaintext, recipients, writer: vault.identity })
    const name = await putWhole(vault.provider, sealed, options)
    const former = last
    last = name
    // It says less than the newer one, whether it goes or not.
    if (former !== null) await vault.provider.remove(former, options).catch(() => undefined)
    await vault.remember()
  }

  await write(false, call)
  return {
    get until() {
      return until
    },
    renew: (options = {}) => write(false, options),
    release: (options = {}) => write(true, options),
  }
}

/** Where this identity says so, and to whom. */
async function placeOf(
  vault: VaultState,
  site: string,
  account: string,
): Promise<{ sid: string; recipients: string[] }> {
  refuseEnded(vault, site, account)
  const record = recordOf(vault, site, account)
  if (record === undefined || record.removed)
    throw new PspError("not-found", `Cannot hold the session of ${site}: nothing is saved for it`)
  const { sid } = record
  if (!isBot(vault.remembered)) {
    vault.ownMembers()
    return { sid, recipients: [...vault.owners().values()].map(({ recipient }) => recipient) }
  }
  const grant = vault.remembered.granted?.grants.find((other) => other.sid === sid && isLive(other, vault.now()))
  if (grant?.mayWrite !== true) {
    const message = `Cannot say that the session of ${site} is in use: this identity may only read it`
    throw new PspError("not-granted", message)
  }
  return { sid, recipients: await readersAsBot(vault, grant) }
}
