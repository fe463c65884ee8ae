import { i18n } from "../i18n.js"
import type { Gap } from "../../shared/report.js"

/** What was not saved, opened on demand. Names come from the site, so they are shown as text in their own direction. */
export function Gaps({ gaps }: { gaps: Gap[] }) {
  if (gaps.length === 0) return null
  return (
    <details class="small">
      <summary>{i18n.t("showGaps")}</summary>
      <ul>
        {gaps.map((gap, index) => (
          <li key={index}>
            <span class="text">{gap.where}</span>: <span class="text">{gap.what}</span> – {gap.why}
            {gap.fix === "" ? null : <span class="quiet"> ({gap.fix})</span>}
          </li>
        ))}
      </ul>
    </details>
  )
}
