import { useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { defaultKinds, type Kind } from "../../shared/report.js"
import { savableKinds, type Amount, type DescribedSite } from "../describe.js"
import { ask } from "../messages.js"
import { requestSites } from "../permissions.js"
import type { SaveIntent } from "../save-state.js"
import { sizeOf } from "./format.js"
import { Limits } from "./limits.js"

interface SaveFormProps {
  description: DescribedSite
  isBusy: boolean
  /** Save is the main thing to do here; before the computer is trusted, trusting it is. */
  isMain: boolean
  onSave: (intent: SaveIntent) => void
}

/** What will be saved, what the person may leave out or add, and the button. */
export function SaveForm({ description, isBusy, isMain, onSave }: SaveFormProps) {
  const { site, origins, amounts, alsoSites } = description
  const [account, setAccount] = useState(description.account)
  const [kinds, setKinds] = useState<Kind[]>([...defaultKinds])
  const [withoutOrigins, setWithoutOrigins] = useState<string[]>([])
  const [also, setAlso] = useState<string[]>([])

  const onClick = () => {
    const label = account.trim() === "" ? description.account : account.trim()
    const { tabId } = description
    const id = crypto.randomUUID()
    onSave({ id, tabId, site, alsoSites: also, account: label, kinds, withoutOrigins, openFirst: [] })
  }
  return (
    <>
      <label>
        <span class="small quiet">{i18n.t("account")}</span>
        <input
          type="text"
          value={account}
          maxLength={100}
          title={i18n.t("accountHint")}
          list="accounts"
          onInput={(event) => setAccount(event.currentTarget.value)}
        />
        <datalist id="accounts">
          {description.accounts.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
      </label>
      <fieldset disabled={isBusy}>
        <legend>{i18n.t("whatIsSaved")}</legend>
        {savableKinds.map((kind) => (
          <Check
            key={kind}
            label={i18n.t(`kinds.${kind}`)}
            hint={i18n.t(`kindHints.${kind}`)}
            count={amountText(kind, amounts[kind])}
            isOn={kinds.includes(kind)}
            onToggle={() => setKinds(toggled(kinds, kind))}
          />
        ))}
        {alsoSites.map(({ site: other, why }) => (
          <Check
            key={other}
            label={i18n.t("alsoSite", [other])}
            hint={why}
            isOn={also.includes(other)}
            onToggle={() => setAlso(toggled(also, other))}
          />
        ))}
        {origins.length < 2 ? null : (
          <details>
            <summary>{i18n.t("origins")}</summary>
            {origins.map((origin) => (
              <Check
                key={origin}
                label={origin}
                isOn={!withoutOrigins.includes(origin)}
                onToggle={() => setWithoutOrigins(toggled(withoutOrigins, origin))}
              />
            ))}
          </details>
        )}
        <Limits />
      </fieldset>
      <button type="button" class={isMain ? "primary" : ""} disabled={isBusy || kinds.length === 0} onClick={onClick}>
        {i18n.t("save")}
      </button>
      {kinds.length === 0 ? <p class="small">{i18n.t("nothingChosen")}</p> : null}
      {description.mayRead ? null : <p class="small quiet">{i18n.t("askFirst")}</p>}
    </>
  )
}

/** Posts the intent, then asks: nothing may be awaited before the request, or Firefox loses the click. */
export function startSave(intent: SaveIntent, onFault: (text: string) => void): void {
  const fail = (error: unknown) => onFault(i18n.t("notSaved", [toPspError(error, "Saving").message]))
  const posted = ask("save", { intent }).catch(fail)
  requestSites([intent.site, ...intent.alsoSites])
    .then(async (granted) => {
      await posted
      await ask("permission", { granted })
    })
    .catch(fail)
}

/** How much there is, in a word: an empty kind is told too, so that nobody misses what is not there. */
function amountText(kind: Kind, amount: Amount | undefined): string | undefined {
  if (amount === undefined) return undefined
  const { count, size } = amount
  const number = kind === "indexedDB" ? i18n.t("databaseCount", count, [String(count)]) : String(count)
  return count === 0 || size === null || size < 1024 ? number : `${number} · ${sizeOf(size)}`
}

interface CheckProps {
  label: string
  hint?: string
  count?: string | undefined
  isOn: boolean
  onToggle: () => void
}

function Check({ label, hint, count, isOn, onToggle }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={isOn} onChange={onToggle} />
      <span>
        <span class="text">{label}</span> {hint === undefined ? null : <span class="quiet small">{hint}</span>}
      </span>
      <span class="quiet small">{count}</span>
    </label>
  )
}

function toggled<T>(list: T[], item: T): T[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item]
}
