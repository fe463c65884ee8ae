import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { savableKinds } from "../describe.js"
import type { TtlRules } from "../../shared/merge/ttl.js"
import type { Kind } from "../../shared/report.js"
import {
  dropSiteRules,
  keepSpans,
  readKeepRules,
  readSiteRules,
  unlimited,
  withRule,
  writeKeepRules,
  writeSiteRule,
} from "../keep-rules.js"
import { spanOf } from "./format.js"

/** How long each kind is kept; for all sites, from the next save on. Below them the sites that have rules of their own. */
export function KeepRules() {
  const [rules, setRules] = useState<TtlRules>({})
  const [sites, setSites] = useState<[string, TtlRules][]>([])
  const look = async () => setSites([...(await readSiteRules())].sort())
  useEffect(() => {
    void readKeepRules().then(setRules)
    void look()
  }, [])
  const choose = (kind: Kind, span: number) => {
    const changed = { ...rules, [kind]: span }
    setRules(changed)
    void writeKeepRules(changed)
  }
  return (
    <div class="card keep">
      <p class="small quiet">{i18n.t("keepHint")}</p>
      {savableKinds.map((kind) => (
        <KeepChoice key={kind} kind={kind} span={rules[kind] ?? unlimited} onChoose={(span) => choose(kind, span)} />
      ))}
      {sites.map(([site, own]) => (
        <div key={site} class="row">
          <span>
            <strong class="text">{site}</strong> <span class="small quiet">{ownText(own)}</span>
          </span>
          <button
            type="button"
            aria-label={i18n.t("keepAsElsewhereFor", [site])}
            onClick={() => void dropSiteRules(site).then(look)}
          >
            {i18n.t("keepAsElsewhere")}
          </button>
        </div>
      ))}
    </div>
  )
}

/** The same for one site, before what counts for all. */
export function KeepHere({ site, onChange }: { site: string; onChange: () => void }) {
  const [general, setGeneral] = useState<TtlRules>({})
  const [own, setOwn] = useState<TtlRules>({})
  useEffect(() => {
    void readKeepRules().then(setGeneral)
    void readSiteRules().then((sites) => setOwn(sites.get(site) ?? {}))
  }, [site])
  const choose = (kind: Kind, span: number) => {
    const rule = span === asElsewhere ? null : span
    setOwn(withRule(own, kind, rule))
    void writeSiteRule(site, kind, rule).then(onChange)
  }
  return (
    <details>
      <summary>{i18n.t("keepHere")}</summary>
      <div class="keep small">
        {savableKinds.map((kind) => (
          <KeepChoice
            key={kind}
            kind={kind}
            span={own[kind] ?? asElsewhere}
            elsewhere={spanText(general[kind] ?? unlimited)}
            onChoose={(span) => choose(kind, span)}
          />
        ))}
      </div>
    </details>
  )
}

/** What a list offers for "no rule of this site": no span is below nothing. */
const asElsewhere = -1

interface KeepChoiceProps {
  kind: Kind
  span: number
  /** How long it is kept at all sites, where that can be chosen. */
  elsewhere?: string
  onChoose: (span: number) => void
}

function KeepChoice({ kind, span, elsewhere, onChoose }: KeepChoiceProps) {
  return (
    <label class="row">
      <span>{i18n.t(`kinds.${kind}`)}</span>
      <select value={span} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
        {elsewhere === undefined ? null : <option value={asElsewhere}>{i18n.t("keepElsewhere", [elsewhere])}</option>}
        {[unlimited, ...keepSpans].map((one) => (
          <option key={one} value={one}>
            {spanText(one)}
          </option>
        ))}
      </select>
    </label>
  )
}

function spanText(span: number): string {
  return span === unlimited ? i18n.t("keepAlways") : spanOf(span)
}

/** "sessionStorage: 8 hours, cookies: not limited" */
function ownText(own: TtlRules): string {
  return savableKinds
    .flatMap((kind) => (own[kind] === undefined ? [] : [`${i18n.t(`kinds.${kind}`)}: ${spanText(own[kind])}`]))
    .join(", ")
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
