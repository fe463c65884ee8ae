import { i18n } from "../i18n.js"
import type { Gap } from "../../shared/report.js"

/** What was not saved, or whatever the title says, opened on demand. Names come from the site, so they are shown as text in their own direction. */
export function Gaps({ gaps, title = i18n.t("showGaps") }: { gaps: Gap[]; title?: string }) {
  if (gaps.length === 0) return null
  return (
    <details class="small">
      <summary>{title}</summary>
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
