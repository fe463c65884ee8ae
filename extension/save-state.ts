import { browser } from "wxt/browser"
import { toPspError, type ErrorCode } from "../shared/errors.js"
import type { Gap } from "../shared/report.js"
import type { Scope } from "./capture.js"

/** What the click asked for. It is kept until the save ended, so that a restarted background goes on with it. */
export interface SaveIntent extends Omit<Scope, "knownOrigins"> {
  id: string
  /** Origins that are open nowhere, to be opened for this save and closed again. */
  openFirst: string[]
}

/** Duration of each stage (ms); a stage that was not reached is missing. */
export type Timings = Partial<Record<Stage | "outbox", number>>
export type Stage = "permission" | "capture" | "seal" | "transport"

/** What was sealed: shown at the end, and kept so that a restart in between still tells it. */
export interface Sealed {
  gaps: Gap[]
  objects: number
  /** Of all sealed objects together. */
  bytes: number
}

interface Common {
  intent: SaveIntent
  /** When the click came (ms since epoch). */
  since: number
  timings: Timings
}

export type SaveState = Common &
  (
    | { phase: "permission" }
    | { phase: "seal"; gaps: Gap[] }
    | { phase: "capture"; bytesRead?: number }
    | { phase: "transport"; sealed: Sealed }
    | { phase: "saved"; sealed: Sealed; savedAt: number }
    | { phase: "waiting"; sealed: Sealed; code: ErrorCode; message: string }
    | { phase: "failed"; code: ErrorCode; message: string }
  )

const key = "save"

/**
 * The state of the last save, in memory only (`storage.session`): it names a site. Popups follow it as it changes, whether
 * or not they were open when it began.
 */
export async function readSaveState(): Promise<SaveState | null> {
  return ((await browser.storage.session.get(key))[key] as SaveState | undefined) ?? null
}

export async function writeSaveState(state: SaveState): Promise<void> {
  await browser.storage.session.set({ [key]: state })
}

export function onSaveState(listener: (state: SaveState | null) => void): () => void {
  const changed = (changes: Partial<Record<string, { newValue?: unknown }>>, area: string) => {
    if (area === "session" && changes[key] !== undefined)
      listener((changes[key].newValue as SaveState | undefined) ?? null)
  }
  browser.storage.onChanged.addListener(changed)
  return () => browser.storage.onChanged.removeListener(changed)
}

export function isUnderWay(state: SaveState | null): state is SaveState & { phase: Stage } {
  return state !== null && !["saved", "waiting", "failed"].includes(state.phase)
}

export function failedState(state: SaveState, error: unknown): SaveState {
  const { code, message } = toPspError(error, "Saving the session")
  const { intent, since, timings } = state
  return { phase: "failed", intent, since, timings, code, message }
}
