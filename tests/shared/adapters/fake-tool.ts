import type { SessionTool } from "../../../shared/adapters/session-tool.js"
import type { LoginVerdict } from "../../../shared/login-check.js"
import type { Snapshot } from "../../../shared/snapshot.js"

/** A browser context as a plain object. */
export interface FakeTarget {
  /** What a capture finds. */
  shows: Snapshot
  /** How it shows what is put into it. */
  asShown: (snapshot: Snapshot) => Snapshot
  onCapture: () => Promise<void>
  look: LoginVerdict
  looks: number
  close: () => void
  listeners: Set<() => void>
}

export function createTarget(shows: Snapshot, parts: Partial<FakeTarget> = {}): FakeTarget {
  const listeners = new Set<() => void>()
  return {
    shows,
    asShown: (snapshot) => snapshot,
    onCapture: () => Promise.resolve(),
    look: { result: "logged-in", why: "" },
    looks: 0,
    close: () => listeners.forEach((listener) => listener()),
    listeners,
    ...parts,
  }
}

/** Puts and finds whole snapshots; tabs that it is given wait, and are not there. */
export const fakeTool: SessionTool<FakeTarget> = {
  name: "fake",
  async restore(target, snapshot, _options, onSet) {
    target.shows = { ...target.asShown(snapshot), ...(snapshot.tabs && { tabs: [] }) }
    await onSet()
    return { ok: true, set: {}, gaps: [] }
  },
  async capture(target, { kinds = [] }) {
    await target.onCapture()
    const { schema, sites, account, capturedBy, cookies, origins, tabs, report } = target.shows
    return {
      ...{ schema, sites, account, capturedBy, report, capturedAt: Date.now() },
      ...(cookies && { cookies }),
      ...(origins && { origins }),
      ...(kinds.includes("sessionStorage") && tabs && { tabs }),
    }
  },
  look(target) {
    target.looks++
    return Promise.resolve(target.look)
  },
  onClose({ listeners }, listener) {
    listeners.add(listener)
    return () => listeners.delete(listener)
  },
}
