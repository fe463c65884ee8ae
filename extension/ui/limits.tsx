import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { defaultLimits, type Limits as Sizes } from "../../shared/limits.js"
import { readLimits, writeLimits } from "../settings.js"

const MiB = 1024 * 1024

/** How much a save may take; kept for all sites. */
export function Limits() {
  const [limits, setLimits] = useState<Sizes>(defaultLimits)
  useEffect(() => void readLimits().then(setLimits), [])
  const onInput = (name: keyof Sizes, text: string) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < 1 || value > defaultLimits.session / MiB) return
    const changed = { ...limits, [name]: value * MiB }
    setLimits(changed)
    void writeLimits(changed)
  }
  return (
    <details>
      <summary>{i18n.t("limits")}</summary>
      {(["database", "origin", "session"] as const).map((name) => (
        <label key={name} class="row small">
          <span>{i18n.t(`limitOf.${name}`)}</span>
          <span>
            <input
              type="number"
              min={1}
              max={defaultLimits.session / MiB}
              value={limits[name] / MiB}
              onInput={(event) => onInput(name, event.currentTarget.value)}
            />{" "}
            MiB
          </span>
        </label>
      ))}
    </details>
  )
}
