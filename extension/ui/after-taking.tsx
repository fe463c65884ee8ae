import { useState } from "preact/hooks"
import { toPspError } from "../../shared/errors.js"
import { i18n } from "../i18n.js"
import { ask } from "../messages.js"
import type { SyncSetting } from "../sync-settings.js"

/** What came in last, by whom, and whether there is a way back. */
export function takenText({ count, others, by }: NonNullable<SyncSetting["taken"]>): string {
  const tokens = count === 0 ? [] : [i18n.t("syncTaken", count, [String(count), by]), i18n.t("syncTokensDead", count)]
  const rest = others > 0 ? [i18n.t("syncTookOver", others, [String(others), by])] : []
  return [...tokens, ...rest].join(" ")
}

interface AfterTakingProps {
  setting: SyncSetting
  onChange: (text: string) => void
  onDone: () => Promise<void>
}

/** The way back while there is one, and the reload that open pages need to use what came into their storage. */
export function AfterTaking({ setting, onChange, onDone }: AfterTakingProps) {
  const { site, account, reload, undo } = setting
  const [isBusy, setBusy] = useState(false)
  const act = (work: () => Promise<unknown>) => {
    if (isBusy) return
    setBusy(true)
    work()
      .then(onDone)
      .catch((error: unknown) => onChange(i18n.t("failed", [toPspError(error, "Taking over changes").message])))
      .finally(() => setBusy(false))
  }
  const takeBack = async () => {
    const count = await ask("undoTaken", { site, account })
    onChange(i18n.t("syncUndone", count, [String(count)]))
  }
  const hosts = [...new Set(reload.map(({ host }) => host))].join(", ")
  return (
    <>
      {undo === null || undo.until < Date.now() ? null : (
        <button type="button" aria-disabled={isBusy} onClick={() => act(takeBack)}>
          {i18n.t("syncUndo")}
        </button>
      )}
      {reload.length === 0 ? null : (
        <div class="row">
          <p class="small quiet text">{i18n.t("syncReload", [hosts])}</p>
          <button type="button" aria-disabled={isBusy} onClick={() => act(() => ask("reloadPages", { site, account }))}>
            {i18n.t("syncReloadNow")}
          </button>
        </div>
      )}
    </>
  )
}
