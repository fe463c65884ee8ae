import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { readTold } from "../access-told.js"
import { toPspError } from "../../shared/errors.js"
import { switchTell } from "../tell-switch.js"

/** Whether the person is told when a handoff is used; off until they ask for it. */
export function TellAccess() {
  const [isOn, setOn] = useState<boolean | null>(null)
  const [text, setText] = useState("")
  useEffect(() => void readTold().then((told) => setOn(told !== null)), [])
  const toggle = async () => {
    setText("")
    try {
      const is = await switchTell(isOn !== true)
      setOn(is === "on")
      if (is === "refused") setText(i18n.t("tellRefused"))
    } catch (error) {
      setText(i18n.t("failed", [toPspError(error, "Changing notifications").message]))
    }
  }
  return (
    <div class="card">
      <label class="check">
        <input
          type="checkbox"
          role="switch"
          checked={isOn === true}
          disabled={isOn === null}
          onChange={() => void toggle()}
        />
        <span>{i18n.t("tellSwitch")}</span>
      </label>
      <p class="small quiet">{i18n.t("tellHint")}</p>
      <p aria-live="polite" class="small">
        {text}
      </p>
    </div>
  )
}
