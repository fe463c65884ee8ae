import { i18n } from "../i18n.js"
import { spans, type EndChoice } from "./end-choice.js"
import { dayTimeOf, spanOf } from "./format.js"

interface HandOffEndProps {
  end: EndChoice
  /** When what is saved ends (ms since epoch); for a file, which lives no longer. */
  fileEndsAt: number | null
  onChoose: (end: EndChoice) => void
}

export function HandOffEnd({ end, fileEndsAt, onChoose }: HandOffEndProps) {
  const value = end.kind === "span" ? String(end.ms) : end.kind
  return (
    <div class="until">
      <label class="row">
        <strong>{i18n.t("handOffUntil")}</strong>
        <select
          value={value}
          onChange={(event) => {
            const chosen = event.currentTarget.value
            if (chosen === "open") onChoose({ kind: "open" })
            else if (chosen === "date") onChoose({ kind: "date", text: "" })
            else onChoose({ kind: "span", ms: Number(chosen) })
          }}
        >
          {spans.map((span) => (
            <option key={span} value={String(span)}>
              {i18n.t("handOffSpan", [spanOf(span)])}
            </option>
          ))}
          <option value="date">{i18n.t("handOffAt")}</option>
          <option value="open">
            {fileEndsAt === null ? i18n.t("handOffRevoked") : i18n.t("handOffEndOfSession", [dayTimeOf(fileEndsAt)])}
          </option>
        </select>
      </label>
      {end.kind === "date" ? (
        <label class="row">
          <span>{i18n.t("handOffDate")}</span>
          <input
            type="datetime-local"
            value={end.text}
            onInput={(event) => onChoose({ kind: "date", text: event.currentTarget.value })}
          />
        </label>
      ) : null}
    </div>
  )
}
