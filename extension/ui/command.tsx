import { useRef, useState } from "preact/hooks"
import { i18n } from "../i18n.js"

/** What the person types into a terminal, with a button that copies it. Where that is refused it is selected, for the keyboard. */
export function Command({ text }: { text: string }) {
  const [state, setState] = useState<"shown" | "copied" | "refused">("shown")
  const line = useRef<HTMLPreElement>(null)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setState("copied")
    } catch {
      setState("refused")
      if (line.current !== null) getSelection()?.selectAllChildren(line.current)
    }
  }
  const isCopied = state === "copied"
  return (
    <>
      <div class="row command">
        <pre ref={line} tabIndex={0}>
          {text}
        </pre>
        <button
          type="button"
          aria-label={i18n.t(isCopied ? "copiedCommand" : "copyCommand", [text])}
          onClick={() => void copy()}
        >
          {isCopied ? i18n.t("welcomeCopied") : i18n.t("welcomeCopy")}
        </button>
      </div>
      {state === "refused" ? (
        <p class="small status warn" role="alert">
          {i18n.t("copyRefused")}
        </p>
      ) : null}
    </>
  )
}
