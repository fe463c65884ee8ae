import { i18n } from "../i18n.js"
import type { SaveState } from "../save-state.js"
import { timeOf } from "./format.js"
import { Gaps } from "./gaps.js"

/** How the save goes and how it ended, for eyes and screen readers. Its place is kept free, so that nothing jumps. */
export function SaveStatus({ state, note }: { state: SaveState | null; note: string | null }) {
  const isUnderWay = state !== null && note === null && state.phase in phases
  return (
    <div>
      <p role="status" class={`status ${note === null ? toneOf(state) : ""}`}>
        {note ?? textOf(state)}
      </p>
      {isUnderWay ? (
        <progress value={phases[state.phase as keyof typeof phases]} max={5} aria-label={textOf(state)} />
      ) : null}
      {note === null && (state?.phase === "saved" || state?.phase === "waiting") ? (
        <Gaps gaps={state.sealed.gaps} />
      ) : null}
    </div>
  )
}

const phases = { permission: 1, capture: 2, seal: 3, transport: 4 } as const

export function textOf(state: SaveState | null): string {
  if (state === null) return ""
  switch (state.phase) {
    case "saved": {
      const { site } = state.intent
      const time = timeOf(state.savedAt)
      const count = state.sealed.gaps.length
      if (count === 0) return i18n.t("saved", [site, time])
      return i18n.t("savedWithGaps", count, [String(count), site, time])
    }
    case "waiting":
      return i18n.t("notSavedWaiting", [state.message])
    case "failed":
      return i18n.t("notSaved", [state.message])
    default:
      return i18n.t(`phase.${state.phase}`)
  }
}

function toneOf(state: SaveState | null): string {
  if (state?.phase === "saved") return state.sealed.gaps.length === 0 ? "good" : "warn"
  if (state?.phase === "waiting") return "warn"
  return state?.phase === "failed" ? "bad" : "quiet"
}
