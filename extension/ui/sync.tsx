import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { defaultKinds } from "../../shared/report.js"
import { ask } from "../messages.js"
import { requestSites } from "../permissions.js"
import { keyOfTick, type HeldChange, type SyncMode, type SyncSetting } from "../sync-settings.js"
import { Check, toggled } from "./check.js"
import { agoOf } from "./format.js"
import { AfterTaking, takenText } from "./after-taking.js"

/** How often an open page looks how it goes (ms). */
const lookEvery = 2_000

/** What is kept in sync, as long as a page shows it; null until it was asked for. */
export function useSyncs(): [SyncSetting[] | null, () => Promise<void>] {
  const [syncs, setSyncs] = useState<SyncSetting[] | null>(null)
  const look = async () => {
    setSyncs(await ask("syncs", {}))
  }
  useEffect(() => {
    const quietly = () => void look().catch(() => undefined)
    quietly()
    const timer = setInterval(quietly, lookEvery)
    return () => clearInterval(timer)
  }, [])
  return [syncs, look]
}

interface SyncSwitchProps {
  site: string
  account: string
  storeId: string
  alsoSites: string[]
  /** Null while it is off. */
  setting: SyncSetting | null
  onChange: (text: string) => void
  onSwitched: () => Promise<void>
}

/** Off, save changes, or both ways; and how it goes. */
export function SyncSwitch({ site, account, storeId, alsoSites, setting, onChange, onSwitched }: SyncSwitchProps) {
  const [isBusy, setBusy] = useState(false)
  const act = (mode: SyncMode | "off") => {
    if (isBusy) return
    // First of all, or Firefox loses the click.
    const asked = mode === "off" ? Promise.resolve(true) : requestSites([site, ...alsoSites])
    setBusy(true)
    const work = async () => {
      if (!(await asked)) {
        onChange(i18n.t("syncRefused", [site]))
        return
      }
      const scope = setting?.scope ?? { alsoSites, kinds: [...defaultKinds], withoutOrigins: [], storeId }
      await ask("sync", { site, account, mode, scope })
      await onSwitched()
    }
    work()
      .catch((error: unknown) => onChange(i18n.t("failed", [toPspError(error, "Switching sync").message])))
      .finally(() => setBusy(false))
  }
  const isOn = setting !== null
  return (
    <div class="sync">
      <div class="row">
        <label class="check">
          <input
            type="checkbox"
            role="switch"
            checked={isOn}
            aria-disabled={isBusy}
            onChange={() => act(isOn ? "off" : "save")}
          />
          <span>{i18n.t("sync")}</span>
        </label>
        <select
          aria-label={i18n.t("syncDirection")}
          value={setting?.mode ?? "save"}
          disabled={!isOn || isBusy}
          onChange={(event) => act(event.currentTarget.value === "both" ? "both" : "save")}
        >
          <option value="save">{i18n.t("syncSave")}</option>
          <option value="both">{i18n.t("syncBoth")}</option>
        </select>
      </div>
      {setting === null ? null : <SyncState setting={setting} onChange={onChange} onDone={onSwitched} />}
    </div>
  )
}

/** How it goes, in a line or two, and what waits for the person. */
export function SyncState({
  setting,
  onChange,
  onDone,
}: {
  setting: SyncSetting
  onChange: (text: string) => void
  onDone: () => Promise<void>
}) {
  const { syncedAt, error, taken, held, mode } = setting
  const isLocked = error?.code === "locked"
  return (
    <>
      <p class="small quiet text">
        {error !== null && !isLocked
          ? i18n.t("syncFailed", [error.message])
          : syncedAt === null
            ? i18n.t("syncBegins")
            : i18n.t("syncedAgo", [agoOf(syncedAt)])}
        {isLocked ? ` ${i18n.t("syncAwaitsUnlock")}` : ""}
        {setting.busyUntil > Date.now() ? ` ${i18n.t("syncBusy")}` : ""}
        {mode === "both" && taken !== null ? ` ${takenText(taken)}` : ""}
      </p>
      <AfterTaking {...{ setting, onChange, onDone }} />
      {held.length === 0 ? null : <Held {...{ setting, onChange, onDone }} />}
    </>
  )
}

/** What others changed and this browser did not let in by itself: by name, to be ticked. */
function Held({
  setting: { site, account, held, heldMore },
  onChange,
  onDone,
}: {
  setting: SyncSetting
  onChange: (text: string) => void
  onDone: () => Promise<void>
}) {
  const [chosen, setChosen] = useState<string[]>([])
  // What changed since the person ticked it is another change, not ticked.
  const ticked = held.filter((change) => chosen.includes(keyOfTick(change)))
  const act = () => {
    ask("takeIn", { site, account, ticks: ticked })
      .then(onDone)
      .catch((error: unknown) => onChange(i18n.t("failed", [toPspError(error, "Taking over changes").message])))
  }
  return (
    <details class="held">
      <summary>{i18n.t("syncHeld", held.length + heldMore, [String(held.length + heldMore)])}</summary>
      {held.map((change) => (
        <HeldLine
          key={keyOfTick(change)}
          change={change}
          isOn={ticked.includes(change)}
          onToggle={() => setChosen(toggled(chosen, keyOfTick(change)))}
        />
      ))}
      {heldMore === 0 ? null : <p class="small quiet">{i18n.t("syncHeldMore", heldMore, [String(heldMore)])}</p>}
      <button type="button" disabled={ticked.length === 0} onClick={act}>
        {i18n.t("syncTake")}
      </button>
    </details>
  )
}

function HeldLine({ change, isOn, onToggle }: { change: HeldChange; isOn: boolean; onToggle: () => void }) {
  const { what, where, by, why, canTake, isLasting } = change
  const line = `${what}, ${where}: ${why} (${by})`
  const text = canTake && isLasting === true ? i18n.t("syncHeldLasting", [line]) : line
  return canTake ? <Check label={text} isOn={isOn} onToggle={onToggle} /> : <p class="small quiet text">{text}</p>
}
