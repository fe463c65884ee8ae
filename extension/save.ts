import { PspError, toPspError } from "../shared/errors.js"
import type { Snapshot } from "../shared/snapshot.js"
import type { Prepared } from "../shared/vault.js"
import { rememberAccount } from "./accounts.js"
import { capture as captureSite, type CaptureOptions } from "./capture.js"
import { knownOriginsOf, rememberOrigins } from "./known-origins.js"
import { noteCheckSealed, takeCheckAlong } from "./login-checks.js"
import { withOpened } from "./open-origins.js"
import { enqueue, isWaiting, LostSavesError, UnsentSavesError } from "./outbox.js"
import { maySites } from "./permissions.js"
import {
  failedState,
  isUnderWay,
  readSaveState,
  writeSaveState,
  type SaveIntent,
  type SaveState,
  type Sealed,
  type Timings,
} from "./save-state.js"
import { readLimits } from "./settings.js"
import { sendOutbox } from "./send.js"
import { sealSave } from "./sync.js"
import { forgetMemory } from "./sync-memory.js"
import { withOwners } from "./trust.js"

/**
 * A save, stage by stage: permission → capture → seal → transport. The stage is written down as it begins, so that a
 * background that was stopped in the middle knows where it stood: up to the seal it begins anew (nothing had left), from
 * then on the sealed bytes are in the outbox and only have to go out.
 */
export interface SaveSteps {
  may: (intent: SaveIntent) => Promise<boolean>
  capture: (intent: SaveIntent, options: CaptureOptions) => Promise<Snapshot>
  seal: (snapshot: Snapshot) => Promise<Prepared>
  /** Seals and keeps while the owners stay the same. */
  withOwners: <T>(work: () => Promise<T>) => Promise<T>
  /** Puts what was sealed into the outbox, under the intent's id. */
  keep: (prepared: Prepared, intent: SaveIntent) => Promise<void>
  /** True when the outbox holds what was sealed for this intent. */
  isSealed: (id: string) => Promise<boolean>
  /** Sends what is in the outbox; resolves when all of it is durable. */
  send: () => Promise<void>
  now: () => number
}

const realSteps: SaveSteps = {
  may: ({ site, alsoSites }) => maySites([site, ...alsoSites]),
  capture: captureIntent,
  async seal(snapshot) {
    const prepared = await sealSave(snapshot)
    await rememberAccount(snapshot)
    await noteCheckSealed(snapshot)
    return prepared
  },
  withOwners,
  async keep(prepared, { id, site, account, kinds }) {
    try {
      await enqueue({ intentId: id, prepared, site, account, since: Date.now(), names: [kinds.join(", ")] })
    } catch (error) {
      // What counts as sealed and was not kept would never be sealed again.
      await forgetMemory({ site, account })
      throw error
    }
  },
  isSealed: isWaiting,
  send: sendOutbox,
  now: () => performance.timeOrigin + performance.now(),
}

/** How long an answer to the browser's question still belongs to the click (ms). */
const patience = 10 * 60 * 1000

/** How often the person is told how far the reading is (ms). */
const progressEvery = 250

let running: Promise<void> | null = null
let calledOff: AbortController | null = null

/** Begins the work unless a save is under way in this background; false then. */
function occupy(work: () => Promise<void>): boolean {
  if (running !== null) return false
  running = work().finally(() => (running = null))
  return true
}

/** @throws `busy` while another save is under way */
export async function beginSave(intent: SaveIntent, steps = realSteps): Promise<void> {
  const isMine = occupy(async () => {
    const state: SaveState = { phase: "permission", intent, since: steps.now(), timings: {} }
    await writeSaveState(state)
    if (await steps.may(intent)) await run(state, steps)
  })
  if (!isMine) throw busy()
  await running
}

/** The person answered the browser's question, or a permission came while no popup was open to say so. */
export async function continueSave(steps = realSteps): Promise<void> {
  const state = await readSaveState()
  // Only what really goes on occupies: the click itself may arrive while we look.
  if (state?.phase === "permission" && (await steps.may(state.intent))) {
    occupy(async () => {
      const current = await readSaveState()
      if (current?.phase === "permission" && steps.now() - current.since < patience) await run(current, steps)
    })
  }
  await running
}

/** Calls off a save that is still reading; what is sealed already goes its way. */
export function cancelSave(): void {
  calledOff?.abort()
}

/** The permission was refused, or the question was closed without an answer. */
export async function refuseSave(): Promise<void> {
  const state = await readSaveState()
  if (running !== null || state?.phase !== "permission") return
  const { site } = state.intent
  const why = `Cannot save session of ${site}: the permission to read it was not given; click Save session again and allow it`
  await writeSaveState(failedState(state, new PspError("permission-refused", why)))
}

/** After the background was stopped in the middle of a save: goes on where that is possible, begins anew where it is not. */
export async function resumeSave(steps = realSteps): Promise<void> {
  const state = await readSaveState()
  if (isUnderWay(state) && state.phase !== "permission") occupy(() => resume(state, steps))
  await running
}

async function resume(state: SaveState, steps: SaveSteps): Promise<void> {
  if (state.phase === "transport") return transport(state, state.sealed, steps)
  // Stopped between the seal and the note of it: what is in the outbox must not be captured a second time.
  if (await steps.isSealed(state.intent.id)) {
    const gaps = state.phase === "seal" ? state.gaps : []
    return transport(state, { gaps, objects: 0, bytes: 0 }, steps)
  }
  return run(state, steps)
}

async function run(state: SaveState, steps: SaveSteps): Promise<void> {
  let current = state
  const note = (next: SaveState) => (current = next)
  try {
    const sealed = await captureAndSeal(state, note, steps)
    // What was captured is in no scope any more: a large session leaves room for its own way out.
    await transport(current, sealed, steps)
  } catch (error) {
    await writeSaveState(failedState(current, error))
  }
}

async function captureAndSeal(
  state: SaveState,
  note: (next: SaveState) => SaveState,
  steps: SaveSteps,
): Promise<Sealed> {
  const started = steps.now()
  // Written down while the work goes on: before the outbox holds something there is nothing to lose.
  const capturing = note({ ...timed(state, "permission", started - state.since), phase: "capture" })
  const [, snapshot] = await Promise.all([writeSaveState(capturing), captureInView(capturing, steps)])
  const captured = steps.now()
  const { gaps } = snapshot.report
  const sealing = note({ ...timed(capturing, "capture", captured - started), phase: "seal", gaps })
  const writing = writeSaveState(sealing)
  const { size, sealedAt, keptAt } = await steps.withOwners(async () => {
    const prepared = await steps.seal(snapshot)
    const sealedAt = steps.now()
    const size = sizeOf(prepared)
    await steps.keep(prepared, sealing.intent)
    return { size, sealedAt, keptAt: steps.now() }
  })
  await writing
  note(timed(timed(sealing, "seal", sealedAt - captured), "outbox", keptAt - sealedAt))
  return { gaps, ...size }
}

/** Captures, can be called off, and tells how far it is. */
async function captureInView(state: SaveState, steps: SaveSteps): Promise<Snapshot> {
  const controller = new AbortController()
  calledOff = controller
  let told = steps.now()
  let telling: Promise<void> = Promise.resolve()
  const onProgress = (bytesRead: number) => {
    if (steps.now() - told < progressEvery) return
    told = steps.now()
    telling = writeSaveState({ ...state, phase: "capture", bytesRead })
  }
  try {
    return await steps.capture(state.intent, { signal: controller.signal, onProgress })
  } finally {
    calledOff = null
    // Or it would come after the next stage was written down.
    await telling
  }
}

async function captureIntent(intent: SaveIntent, options: CaptureOptions): Promise<Snapshot> {
  const { site, account, openFirst, tabId } = intent
  const [knownOrigins, limits] = await Promise.all([knownOriginsOf(site, account), readLimits()])
  const scope = { ...intent, knownOrigins: [...knownOrigins, ...openFirst] }
  const captureAll = (openedTabs: number[]) => captureSite(scope, { ...options, limits, openedTabs })
  const snapshot = await withOpened(openFirst, tabId, captureAll, options.signal)
  await rememberOrigins(snapshot)
  return takeCheckAlong(snapshot)
}

async function transport({ intent, since, timings }: SaveState, sealed: Sealed, steps: SaveSteps): Promise<void> {
  await writeSaveState({ phase: "transport", intent, since, timings, sealed })
  const started = steps.now()
  const error = await steps.send().then(
    () => null,
    (fault: unknown) => ({ fault }),
  )
  const all = error === null ? { ...timings, transport: steps.now() - started } : timings
  const sent = { phase: "waiting", intent, since, timings: all, sealed } as const
  await writeSaveState(stateAfterSend(sent, error, error !== null && (await steps.isSealed(intent.id))))
}

/** What became of a save once the outbox was sent, or could not be. */
export function stateAfterSend(
  { intent, since, timings, sealed }: Omit<SaveState & { phase: "waiting" }, "code" | "message">,
  error: { fault: unknown } | null,
  isStillWaiting: boolean,
): SaveState {
  const common = { intent, since, timings, sealed }
  if (error !== null && isStillWaiting) {
    // Nothing is lost: the sealed bytes wait in the outbox, and go out when the host is back.
    const { fault } = error
    const own = fault instanceof UnsentSavesError ? (fault.held.get(intent.id) ?? fault) : fault
    const { code, message } = toPspError(own, "Handing the session to this computer")
    return { ...common, phase: "waiting", code, message }
  }
  if (error?.fault instanceof LostSavesError && error.fault.intents.includes(intent.id)) {
    const { code, message } = error.fault
    return { phase: "failed", intent, since, timings, code, message }
  }
  return { ...common, phase: "saved", savedAt: Date.now() }
}

function sizeOf({ objects }: Prepared): Omit<Sealed, "gaps"> {
  return { objects: objects.length, bytes: objects.reduce((total, { bytes }) => total + bytes.length, 0) }
}

function timed(state: SaveState, stage: keyof Timings, ms: number): SaveState {
  return { ...state, timings: { ...state.timings, [stage]: ms } }
}

function busy(): PspError {
  return new PspError("busy", "Cannot save now: another save is under way; it takes a moment")
}
