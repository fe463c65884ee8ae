import { useState } from "preact/hooks"
import { i18n } from "../i18n.js"

/** What the person types into a terminal, with a button that copies it. */
export function Command({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => setCopied(true))
  }
  return (
    <div class="row command">
      <pre>{text}</pre>
      <button type="button" aria-label={i18n.t(isCopied ? "copiedCommand" : "copyCommand", [text])} onClick={copy}>
        {isCopied ? i18n.t("welcomeCopied") : i18n.t("welcomeCopy")}
      </button>
    </div>
  )
}
