import { useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { foundNames, namesByKind } from "../chosen-names.js"
import { Check, toggled } from "./check.js"
import { shownName } from "./shown-name.js"

interface HandOffNamesProps {
  /** All that the session holds. */
  names: readonly string[]
  chosen: string[]
  onChoose: (chosen: string[]) => void
}

/** So many are looked through by eye. */
const mostAtOnce = 12

/** Single things of the session by name, to be ticked; what is ticked stays so while it is not shown. */
export function HandOffNames({ names, chosen, onChoose }: HandOffNamesProps) {
  const [wanted, setWanted] = useState("")
  const found = namesByKind(foundNames(names, wanted))
  return (
    <fieldset class="indented names" aria-label={i18n.t("handOffNames")}>
      <p class="small quiet">{i18n.t("handOffNamesHint")}</p>
      {names.length <= mostAtOnce ? null : (
        <label>
          <span>{i18n.t("handOffFindName")}</span>
          <input
            type="search"
            value={wanted}
            onInput={({ currentTarget }) => setWanted(currentTarget.value)}
            // Enter belongs to the search here, and hands nothing off.
            onKeyDown={(event) => {
              if (event.key === "Enter") event.preventDefault()
            }}
          />
        </label>
      )}
      <p class="small" aria-live="polite">
        {i18n.t("handOffNamesChosen", [String(chosen.length), String(names.length)])}
      </p>
      {found.length === 0 ? <p class="small quiet">{i18n.t("handOffNoneFound")}</p> : null}
      <div class="name-list">
        {found.map(({ kind, items }) => (
          <fieldset key={kind} class="wrapping">
            <legend>{i18n.t(`nameKinds.${kind}`)}</legend>
            {items.map(({ text, name }) => (
              <Check
                key={text}
                label={shownName(cut(name))}
                isOn={chosen.includes(text)}
                onToggle={() => onChoose(toggled(chosen, text))}
              />
            ))}
          </fieldset>
        ))}
      </div>
    </fieldset>
  )
}

/** A key may have megabytes; the whole of one so long says no more to anybody. */
function cut(name: string): string {
  return name.length > longestShown ? `${name.slice(0, longestShown - 1)}…` : name
}

const longestShown = 200
