import { inLanes } from "../lanes.js"
import type { CallOptions } from "../provider.js"
import { note } from "./marks.js"
import { putWhole } from "./parts.js"
import { upsertRecord } from "./records.js"
import { areMembersDue, commit, prepareBase, prepareMembers, refuseEarlyClock, type SaveEntry } from "./save.js"
import type { VaultState } from "./state.js"

export interface SaveAllOptions extends CallOptions {
  /** Told of each session once it is in the store; sites of one batch come in any order. */
  onSaved?: (session: { site: string; account: string; sid: string }) => void
}

/** What is sealed and held before it goes out: with the list of sessions once for a batch, both stay small beside the whole. */
const batchCount = 128
const batchBytes = 8 * 1024 * 1024

interface Sealed extends Awaited<ReturnType<typeof prepareBase>> {
  session: { site: string; account: string; sid: string }
}

/**
 * Saves many sessions. Each save of a new site puts the list of all sessions anew, so that a thousand saves would put
 * about ninety times the bytes of that list; here it goes out once for a batch, before the sessions that it names.
 *
 * The entries are asked for one after the other, and none is held once it is sealed. After a failure nothing new begins;
 * what `onSaved` was told of is in the store, and the rest may simply be saved again.
 *
 * @throws `not-owner`, `too-large`, `bad-clock`, the provider's codes
 */
export async function saveAll(
  vault: VaultState,
  entries: Iterable<SaveEntry> | AsyncIterable<SaveEntry>,
  { onSaved = () => undefined, ...call }: SaveAllOptions = {},
): Promise<void> {
  let batch = new Map<string, Sealed>()
  let bytes = 0
  const flush = async () => {
    await putBatch(vault, [...batch.values()], onSaved, call)
    batch = new Map()
    bytes = 0
  }
  for await (const entry of entries) {
    call.signal?.throwIfAborted()
    refuseEarlyClock(vault.now())
    const { account, sites } = entry.snapshot
    const [site] = sites
    const { sid } = upsertRecord(vault, site, account, false)
    // What is sealed says which save came before it, so that one is in the store first.
    if (batch.has(sid)) await flush()
    const sealed = await prepareBase(vault, sid, entry)
    batch.set(sid, { ...sealed, session: { site, account, sid } })
    bytes += [sealed.object, ...sealed.copies].reduce((sum, { bytes }) => sum + bytes.length, 0)
    if (batch.size >= batchCount || bytes >= batchBytes) await flush()
  }
  if (batch.size > 0) await flush()
}

async function putBatch(
  vault: VaultState,
  batch: Sealed[],
  onSaved: NonNullable<SaveAllOptions["onSaved"]>,
  call: CallOptions,
): Promise<void> {
  const members = areMembersDue(vault) ? await prepareMembers(vault) : null
  // The stamps first: a device that forgot them could stamp a later save with an earlier time.
  await vault.remember()
  if (members !== null) await commit(vault, { ...members, sid: null, mark: null }, call)
  const items = batch.map((sealed) => ({ ...sealed, bytes: sealed.object.bytes.length }))
  try {
    await inLanes(items, async ({ object, copies, mark: { writer, ...mark }, session }) => {
      for (const envelope of [object, ...copies]) await putWhole(vault.provider, envelope, call)
      note(vault.remembered, session.sid, writer, mark)
      onSaved(session)
    })
  } finally {
    await vault.remember()
  }
}
