import { useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { isPspError, toPspError } from "../../shared/errors.js"
import type { TtlRules } from "../../shared/merge/ttl.js"
import { defaultKinds, type Kind } from "../../shared/report.js"
import { amountsOf, type Amounts } from "../amounts.js"
import { savableKinds, type DescribedSite } from "../describe.js"
import type { Measures } from "../measure.js"
import { ask } from "../messages.js"
import { requestSites } from "../permissions.js"
import { readSaveState, type SaveIntent } from "../save-state.js"
import { Check, toggled } from "./check.js"
import { sizeOf } from "./format.js"
import { KeepHere, keptText } from "./keep-rules.js"
import { Limits } from "./limits.js"

interface SaveFormProps {
  description: DescribedSite
  /** Null until the site may be read, and was. */
  measures: Measures | null
  /** Accounts that were saved for this site. */
  known: string[]
  /** Other sites that the person wants saved too. */
  alsoSites: string[]
  /** How long kinds are kept. */
  keep: TtlRules
  /** The person changed that. */
  onKeep: () => void
  isBusy: boolean
  /** Save is the main thing to do here; before the computer is trusted, trusting it is. */
  isMain: boolean
  onSave: (intent: SaveIntent) => void
}

/** What will be saved, what the person may leave out or add, and the button. */
export function SaveForm({
  description,
  measures,
  known,
  alsoSites,
  keep,
  onKeep,
  isBusy,
  isMain,
  onSave,
}: SaveFormProps) {
  const { site, origins, mayRead } = description
  const [account, setAccount] = useState(description.account)
  const [kinds, setKinds] = useState<Kind[]>([...defaultKinds])
  const [withoutOrigins, setWithoutOrigins] = useState<string[]>([])
  const amounts =
    measures === null
      ? {}
      : { ...amountsOf(measures.tabs, { sites: [site], withoutOrigins }), cookies: measures.cookies }

  const onClick = () => {
    if (isBusy) return
    const label = account.trim() === "" ? description.account : account.trim()
    const { tabId } = description
    const id = crypto.randomUUID()
    onSave({ id, tabId, site, alsoSites, account: label, kinds, withoutOrigins, openFirst: [] })
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
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </label>
      <fieldset disabled={isBusy}>
        <legend>{i18n.t(kinds.length === 0 ? "nothingChosen" : "whatIsSaved")}</legend>
        {savableKinds.map((kind) => (
          <Check
            key={kind}
            label={i18n.t(`kinds.${kind}`)}
            hint={i18n.t(`kindHints.${kind}`)}
            count={mayRead ? amountText(kind, amounts, measures?.isDone ?? false) : undefined}
            isOn={kinds.includes(kind)}
            onToggle={() => setKinds(toggled(kinds, kind))}
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
        {keptText(keep) === "" ? null : <p class="small quiet">{keptText(keep)}</p>}
        <KeepHere site={site} onChange={onKeep} />
        <Limits />
      </fieldset>
      {/* Not disabled while it works: the focus stays on it. */}
      <button
        type="button"
        class={isMain ? "primary" : ""}
        aria-disabled={isBusy}
        disabled={kinds.length === 0}
        onClick={onClick}
      >
        {i18n.t("save")}
      </button>
    </>
  )
}

/** Posts the intent, then asks: nothing may be awaited before the request, or Firefox loses the click. */
export function startSave(intent: SaveIntent, onFault: (text: string) => void): void {
  const fail = (error: unknown) => onFault(i18n.t("notSaved", [toPspError(error, "Saving").message]))
  const posted = post(intent).catch(fail)
  requestSites([intent.site, ...intent.alsoSites])
    .then(async (granted) => {
      await posted
      await ask("permission", { granted })
    })
    .catch(fail)
}

/** A background that is stopped answers nothing: the next one goes on, and is told of a click that was never written down. */
async function post(intent: SaveIntent): Promise<void> {
  try {
    await ask("save", { intent })
  } catch (error) {
    if (isPspError(error)) throw error
    await ask("wake", {})
    if ((await readSaveState())?.intent.id !== intent.id) await ask("save", { intent })
  }
}

/** How much there is, in a word: an empty kind is told too, so that nobody misses what is not there. */
function amountText(kind: Kind, amounts: Amounts, isDone: boolean): string | undefined {
  // Told by the browser itself, so it does not depend on any page.
  const isWhole = isDone || kind === "cookies"
  const amount = amounts[kind]
  if (amount === undefined || (!isWhole && amount.count === 0)) return isDone || kind === "context" ? undefined : "…"
  const { count, size } = amount
  const number = kind === "indexedDB" ? i18n.t("databaseCount", count, [String(count)]) : String(count)
  const text = count === 0 || size === null || size < 1024 ? number : `${number} · ${sizeOf(size)}`
  return isWhole ? text : `${text} …`
}
