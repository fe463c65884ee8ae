import { PspError } from "../shared/errors.js"
import { forgetAccount } from "./accounts.js"
import { withHost } from "./host.js"
import { forgetLoginCheck } from "./login-checks.js"
import { forgetOrigins } from "./known-origins.js"
import { dropWaiting } from "./outbox.js"
import { readSaveState, writeSaveState } from "./save-state.js"

export interface SessionName {
  site: string
  account: string
}

/** The sealed envelope of what was forgotten last, so that it can be brought back while this background lives. */
let forgotten: (SessionName & { file: Uint8Array }) | null = null

/** Forgets a session: what waits in the outbox, its entry and its objects. */
export async function forgetSession({ site, account }: SessionName): Promise<{ canUndo: boolean }> {
  const dropped = await dropWaiting(site, account)
  if (dropped > 0) await noteForgotten({ site, account })
  await forgetOrigins(site, account)
  return withHost(async (vault) => {
    const stored = await vault.loadSession(site, { account }).catch(() => null)
    forgotten =
      stored === null ? null : { site, account, file: await vault.exportTo(vault.card.text, site, { account }) }
    await vault.remove(site, { account })
    await forgetAccount(site, account)
    await forgetLoginCheck({ site, account })
    return { canUndo: forgotten !== null }
  })
}

/** @throws `not-found` when the background was stopped since, or something else was forgotten after it */
export async function undoForget({ site, account }: SessionName): Promise<void> {
  const kept = forgotten
  if (kept?.site !== site || kept.account !== account) {
    throw new PspError("not-found", `Cannot bring back the session of ${site}: it is no longer kept; save it again`)
  }
  await withHost((vault) => vault.importFile(kept.file))
  forgotten = null
}

/** The last save must not go on saying that it waits. */
async function noteForgotten({ site, account }: SessionName): Promise<void> {
  const state = await readSaveState()
  if (state?.phase !== "waiting" || state.intent.site !== site || state.intent.account !== account) return
  const message = `The session of ${site} that waited here was forgotten`
  const { intent, since, timings } = state
  await writeSaveState({ phase: "failed", intent, since, timings, code: "aborted", message })
}
