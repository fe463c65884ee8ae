import { i18n } from "../i18n.js"
import type { Gap } from "../../shared/report.js"
import { ask } from "../messages.js"
import { isUnderWay, type SaveState } from "../save-state.js"
import type { InUse } from "../in-use.js"
import { InUseNote, stillInUse } from "./in-use.js"
import { sizeOf, timeOf } from "./format.js"
import { Gaps } from "./gaps.js"

interface SaveStatusProps {
  state: SaveState | null
  note: string | null
  mayRead: boolean
  /** Another site that the login seems to live on, and that the last save did not take. */
  offered: string | null
  /** Who else uses what is saved of this site. */
  inUse: InUse[]
  hasAccounts: boolean
  /** Saves again with origins that no tab shows. */
  onOpen: (origins: string[]) => void
  /** Saves again with another site. */
  onInclude: (site: string) => void
}

/** How the save goes and how it ended, for eyes and screen readers. Its place is kept free, so that nothing jumps. */
export function SaveStatus({ state, note, mayRead, offered, inUse, hasAccounts, onOpen, onInclude }: SaveStatusProps) {
  const isSaved = note === null && state?.phase === "saved"
  const gaps = note === null && (state?.phase === "saved" || state?.phase === "waiting") ? state.sealed.gaps : []
  const unopened = unopenedOf(gaps)
  const isHint = note === null && !isUnderWay(state) && (state === null || !mayRead)
  return (
    <div class="save-status">
      <p role="status" tabIndex={-1} class={`status ${note === null ? toneOf(state) : ""}`}>
        {note ?? textOf(state)}
      </p>
      {isHint && stillInUse(inUse).length === 0 ? (
        <p class="small quiet">{i18n.t(mayRead ? "saveFirst" : "askFirst")}</p>
      ) : null}
      {isUnderWay(state) && note === null ? <Progress state={state} /> : null}
      {unopened.length > 0 ? (
        <button type="button" class="small" onClick={() => onOpen(unopened)}>
          {i18n.t("openAndSave", unopened.length, [String(unopened.length)])}
        </button>
      ) : null}
      {isSaved && offered !== null && unopened.length === 0 ? (
        <button type="button" class="small" onClick={() => onInclude(offered)}>
          {i18n.t("includeAndSave", [offered])}
        </button>
      ) : null}
      <Gaps gaps={gaps} />
      {/* Last, so that it moves nothing that can be pressed. */}
      <InUseNote inUse={inUse} hasAccounts={hasAccounts} />
    </div>
  )
}

/** Nobody knows how much there is to read, so the bar only shows that it goes on. Its number is not announced. */
function Progress({ state }: { state: SaveState }) {
  return (
    <div class="row">
      <progress aria-label={i18n.t("progress")} />
      {state.phase === "capture" ? (
        <>
          <span class="quiet small number">{state.bytesRead === undefined ? "" : sizeOf(state.bytesRead)}</span>
          <button type="button" class="link small" onClick={() => void ask("cancel", {})}>
            {i18n.t("cancel")}
          </button>
        </>
      ) : null}
    </div>
  )
}

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

/** Origins that a tab would make readable. */
function unopenedOf(gaps: Gap[]): string[] {
  return gaps.filter(({ kind, what }) => kind === "origin" && what === "page storage").map(({ where }) => where)
}

function toneOf(state: SaveState | null): string {
  if (state?.phase === "saved") return state.sealed.gaps.length === 0 ? "good" : "warn"
  if (state?.phase === "waiting") return "warn"
  return state?.phase === "failed" ? "bad" : "quiet"
}
