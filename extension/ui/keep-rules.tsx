import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { savableKinds } from "../describe.js"
import type { TtlRules } from "../../shared/merge/ttl.js"
import { keepSpans, readKeepRules, writeKeepRules } from "../settings.js"
import { spanOf } from "./format.js"

/** How long each kind is kept; for all sites, from the next save on. */
export function KeepRules() {
  const [rules, setRules] = useState<TtlRules>({})
  useEffect(() => void readKeepRules().then(setRules), [])
  const choose = (kind: keyof TtlRules, span: number) => {
    // What is no span to choose from is no rule.
    const changed = { ...rules, [kind]: span }
    setRules(changed)
    void writeKeepRules(changed)
  }
  return (
    <div class="card keep">
      <p class="small quiet">{i18n.t("keepHint")}</p>
      {savableKinds.map((kind) => (
        <label key={kind} class="row">
          <span>{i18n.t(`kinds.${kind}`)}</span>
          <select value={rules[kind] ?? 0} onChange={(event) => choose(kind, Number(event.currentTarget.value))}>
            <option value={0}>{i18n.t("keepAlways")}</option>
            {keepSpans.map((span) => (
              <option key={span} value={span}>
                {spanOf(span)}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
  )
}

/** "Kept for 8 hours only: sessionStorage." for each span that is set; "" where none is. */
export function keptText(rules: TtlRules): string {
  return keepSpans
    .map((span): [number, string[]] => [
      span,
      savableKinds.filter((kind) => rules[kind] === span).map((kind) => i18n.t(`kinds.${kind}`)),
    ])
    .filter(([, names]) => names.length > 0)
    .map(([span, names]) => i18n.t("keptFor", [new Intl.ListFormat().format(names), spanOf(span)]))
    .join(" ")
}
