import { useEffect, useId, useRef, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { hasContainers } from "../containers.js"
import { toPspError } from "../../shared/errors.js"
import type { Gap } from "../../shared/report.js"
import { ask } from "../messages.js"
import { requestSites } from "../permissions.js"
import type { RestorePlan } from "../restore-here.js"
import type { SavedBack } from "../saved-back.js"
import { keyOfTick, type Tick } from "../sync-settings.js"
import { Check, toggled } from "./check.js"
import { Gaps } from "./gaps.js"

interface RestoreHereProps {
  site: string
  account: string
  storeId: string
  /** The popup looks anew: another account is here. */
  onDone: () => void
}

type State =
  | { phase: "closed" | "looking" | "working" }
  | { phase: "asking"; plan: RestorePlan }
  | { phase: "done"; text: string; gaps: Gap[] }

/** Switches this browser to a saved account of the site, after the person has seen what that replaces. */
export function RestoreHere({ site, account, storeId, onDone }: RestoreHereProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useId()
  const [state, setState] = useState<State>({ phase: "closed" })
  const [letIn, setLetIn] = useState<Tick[]>([])
  const isOpen = state.phase !== "closed"
  useEffect(() => {
    // Only now there is something in it that can take the focus: Cancel, which does nothing.
    if (isOpen) dialog.current?.showModal()
  }, [isOpen])
  const fail = (error: unknown) =>
    setState({ phase: "done", text: i18n.t("failed", [toPspError(error, "Restoring").message]), gaps: [] })
  const look = () => {
    setState({ phase: "looking" })
    setLetIn([])
    ask("restorePlan", { site, account, storeId })
      // Closed meanwhile, it stays closed.
      .then((plan) => setState((now) => (now.phase === "looking" ? { phase: "asking", plan } : now)))
      .catch(fail)
  }
  const act = (plan: RestorePlan, isInContainer: boolean) => {
    // First of all, or Firefox loses the click.
    const asked = requestSites(plan.sites)
    setState({ phase: "working" })
    const work = async () => {
      await asked
      const gaps = await ask("restoreHere", { site, account, storeId: isInContainer ? null : storeId, letIn })
      setState({
        phase: "done",
        text: i18n.t(isInContainer ? "restoreDoneContainer" : "restoreDone", [account, site]),
        gaps,
      })
      onDone()
    }
    work().catch(fail)
  }
  const close = () => dialog.current?.close()
  return (
    <>
      <button type="button" class="link small text" onClick={look}>
        {i18n.t("restoreHere", [account])}
      </button>
      <dialog ref={dialog} aria-labelledby={title} onClose={() => setState({ phase: "closed" })}>
        {isOpen ? (
          <>
            <h2 id={title} class="text">
              {i18n.t("restoreTitle", [site])}
            </h2>
            <div class="small" role="group" aria-live="polite">
              {state.phase === "asking" ? (
                <>
                  <Plan plan={state.plan} />
                  <SavedBackChoice
                    changes={state.plan.savedBack}
                    isOn={(change) => letIn.includes(change)}
                    onToggle={(change) => setLetIn(toggled(letIn, change))}
                  />
                </>
              ) : null}
              {state.phase === "looking" ? <p>{i18n.t("restoreLooking")}</p> : null}
              {state.phase === "working" ? <progress aria-label={i18n.t("restoreTitle", [site])} /> : null}
              {state.phase === "done" ? <p class="text">{state.text}</p> : null}
            </div>
            {state.phase === "done" ? <Gaps gaps={state.gaps} title={i18n.t("restoreGaps")} /> : null}
            <div class="buttons">
              {state.phase === "asking" ? (
                <>
                  <button type="button" class="primary" onClick={() => act(state.plan, false)}>
                    {i18n.t("restoreReplace", [account])}
                  </button>
                  {hasContainers() ? (
                    <button type="button" onClick={() => act(state.plan, true)}>
                      {i18n.t("restoreContainer")}
                    </button>
                  ) : null}
                </>
              ) : null}
              <button type="button" disabled={state.phase === "working"} onClick={close}>
                {i18n.t(state.phase === "done" ? "close" : "cancel")}
              </button>
            </div>
          </>
        ) : null}
      </dialog>
    </>
  )
}

interface SavedBackChoiceProps {
  changes: SavedBack[]
  isOn: (change: SavedBack) => boolean
  onToggle: (change: SavedBack) => void
}

/** What bots wrote is not put back unasked: it may be a login of somebody else. */
function SavedBackChoice({ changes, isOn, onToggle }: SavedBackChoiceProps) {
  if (changes.length === 0) return null
  return (
    <fieldset class="wrapping">
      <legend class="text">{i18n.t("restoreSavedBack", changes.length, [String(changes.length)])}</legend>
      {changes.map((change) => (
        <Check
          key={keyOfTick(change)}
          label={`${change.what}, ${change.where} (${change.by})`}
          isOn={isOn(change)}
          onToggle={() => onToggle(change)}
        />
      ))}
      <p class="quiet">{i18n.t("restoreSavedBackHint")}</p>
    </fieldset>
  )
}

/** More names than anybody reads. */
const mostNames = 12

function Plan({ plan: { sites, cookies, synced, tabs } }: { plan: RestorePlan }) {
  const names = [...cookies.slice(0, mostNames), ...(cookies.length > mostNames ? ["…"] : [])].join(", ")
  return (
    <>
      <p class="text">{i18n.t("restoreSites", [sites.join(", ")])}</p>
      {cookies.length === 0 ? null : (
        <p class="text">{i18n.t("restoreCookies", cookies.length, [String(cookies.length), names])}</p>
      )}
      {synced.map(({ site, account }) => (
        <p key={`${site} ${account}`} class="text">
          {i18n.t("restoreEnds", [account, site])}
        </p>
      ))}
      {synced.length > 0 || cookies.length === 0 ? null : <p>{i18n.t("restoreUnsaved")}</p>}
      {tabs === 0 ? null : <p>{i18n.t("restoreReloads", tabs, [String(tabs)])}</p>}
    </>
  )
}
