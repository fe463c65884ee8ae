import { i18n } from "../i18n.js"
import type { Gap } from "../../shared/report.js"
import { ask } from "../messages.js"
import type { SaveIntent, SaveState } from "../save-state.js"
import { sizeOf, timeOf } from "./format.js"
import { Gaps } from "./gaps.js"

interface SaveStatusProps {
  state: SaveState | null
  note: string | null
  /** Saves again with origins that no tab shows. */
  onOpen: (intent: SaveIntent, origins: string[]) => void
}

/** How the save goes and how it ended, for eyes and screen readers. Its place is kept free, so that nothing jumps. */
export function SaveStatus({ state, note, onOpen }: SaveStatusProps) {
  const isUnderWay = state !== null && note === null && state.phase in phases
  const gaps = note === null && (state?.phase === "saved" || state?.phase === "waiting") ? state.sealed.gaps : []
  const unopened = unopenedOf(gaps)
  return (
    <div class="save-status">
      <p role="status" class={`status ${note === null ? toneOf(state) : ""}`}>
        {note ?? textOf(state)}
      </p>
      {isUnderWay ? (
        <div class="row">
          <progress value={phases[state.phase as keyof typeof phases]} max={5} aria-label={textOf(state)} />
          {state.phase === "capture" ? (
            <button type="button" class="link small" onClick={() => void ask("cancel", {})}>
              {i18n.t("cancel")}
            </button>
          ) : null}
        </div>
      ) : null}
      {unopened.length > 0 && state !== null ? (
        <button type="button" class="small" onClick={() => onOpen(state.intent, unopened)}>
          {i18n.t("openAndSave", unopened.length, [String(unopened.length)])}
        </button>
      ) : null}
      <Gaps gaps={gaps} />
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
    case "capture":
      return state.bytesRead === undefined
        ? i18n.t("phase.capture")
        : i18n.t("phase.captureBytes", [sizeOf(state.bytesRead)])
    default:
      return i18n.t(`phase.${state.phase}`)
  }
}

/** Origins that a tab would make readable. */
function unopenedOf(gaps: Gap[]): string[] {
  return gaps.filter(({ kind, what }) => kind === "origin" && what === "page storage").map(({ where }) => where)
}

function toneOf(state: SaveState | null): string {
  if (state?.phase === "saved") return state.sealed.gaps.length === 0 ? "good" : "warn"
  if (state?.phase === "waiting") return "warn"
  return state?.phase === "failed" ? "bad" : "quiet"
}
