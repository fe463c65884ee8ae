import { i18n } from "../i18n.js"
import type { LeanedOnSite } from "../../shared/second-site.js"
import { Check, toggled } from "./check.js"

interface AlsoSitesProps {
  sites: LeanedOnSite[]
  chosen: string[]
  isBusy: boolean
  onChoose: (sites: string[]) => void
}

/** Other sites that the login seems to live on; the person decides about each. */
export function AlsoSites({ sites, chosen, isBusy, onChoose }: AlsoSitesProps) {
  if (sites.length === 0) return null
  return (
    <fieldset class="wrapping" disabled={isBusy}>
      <legend>{i18n.t("alsoSites")}</legend>
      {sites.map(({ site, why }) => (
        <Check
          key={site}
          label={i18n.t("alsoSite", [site])}
          hint={why}
          isOn={chosen.includes(site)}
          onToggle={() => onChoose(toggled(chosen, site))}
        />
      ))}
    </fieldset>
  )
}
