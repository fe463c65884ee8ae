import { useEffect, useRef } from "preact/hooks"
import { i18n } from "../i18n.js"
import type { HandedOff, HandedOffFile } from "../hand-off.js"
import { Command } from "./command.js"
import { download } from "./download.js"
import { dayTimeOf } from "./format.js"
import { shownName } from "./shown-name.js"

interface HandedOffResultProps {
  result: HandedOff | HandedOffFile
  /** The bot's. */
  name: string
  onAgain: () => void
}

/** What to run on the bot: nothing of it is a secret. */
export function HandedOffResult({ result, name, onAgain }: HandedOffResultProps) {
  const heading = useRef<HTMLParagraphElement>(null)
  // The button that was pressed is gone: what came of it is read next.
  useEffect(() => heading.current?.focus(), [])
  const { commands, untold } = result
  return (
    <section aria-label={i18n.t("givenTitle")}>
      <p ref={heading} tabIndex={-1} role="status" class="status good">
        {"bytes" in result
          ? i18n.t("handOffFileDone", [shownName(name), result.name, dayTimeOf(result.expiresAt)])
          : i18n.t("handOffDone", [shownName(name)])}
      </p>
      {commands.map((text) => (
        <Command key={text} text={text} />
      ))}
      {commands.some((text) => text.includes("…")) ? <p class="small status warn">{i18n.t("handOffHidden")}</p> : null}
      {commands.some((text) => text.includes(" --store file:") || text.includes(' --store "file:')) ? (
        <p class="small status warn">{i18n.t("handOffLocal")}</p>
      ) : null}
      {untold === null ? null : <p class="small status warn">{untold}</p>}
      <p class="small quiet">{i18n.t("handOffKeeps")}</p>
      <div class="buttons">
        {"bytes" in result ? (
          <button type="button" onClick={() => download(new Blob([result.bytes]), result.name)}>
            {i18n.t("handOffSaveFileAgain")}
          </button>
        ) : null}
        <button type="button" onClick={onAgain}>
          {i18n.t("handOffAgain")}
        </button>
      </div>
    </section>
  )
}
