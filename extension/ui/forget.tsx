import { useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { ask } from "../messages.js"

/** Forgets at once, and offers to undo it as long as the page is open. */
export function Forget({
  site,
  account,
  onChange,
  onForgotten = () => undefined,
}: {
  site: string
  account: string
  onChange: (text: string) => void
  /** Told whether it can be brought back here: it must stay shown as long as it can. */
  onForgotten?: (canUndo: boolean) => void
}) {
  const [isForgotten, setForgotten] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const act = async () => {
    if (isBusy) return
    setBusy(true)
    try {
      if (isForgotten) {
        await ask("unforget", { site, account })
        setForgotten(false)
        onForgotten(false)
        onChange(i18n.t("undone", [site]))
      } else {
        onForgotten(true)
        const { canUndo } = await ask("forget", { site, account })
        onForgotten(canUndo)
        setForgotten(canUndo)
        onChange(i18n.t("forgotten", [site]))
      }
    } catch (error) {
      onForgotten(isForgotten)
      onChange(i18n.t("failed", [toPspError(error, "Forgetting").message]))
    } finally {
      setBusy(false)
    }
  }
  return (
    <button type="button" aria-disabled={isBusy} onClick={() => void act()}>
      {isForgotten ? i18n.t("undo") : i18n.t("forget")}
    </button>
  )
}
