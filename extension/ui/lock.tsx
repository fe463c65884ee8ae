import { useEffect, useId, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { lockState, unlockDevice, type LockState } from "../lock-device.js"
import { ask } from "../messages.js"
import { lockNow, noteUse, onUnlockChanged } from "../unlocked.js"
import { agoOf } from "./format.js"

/** Whether this browser is locked, as long as a page shows it, null until that is known; and whatever is done in the page counts as use. */
export function useLock(): [LockState | null, () => Promise<void>] {
  const [state, setState] = useState<LockState | null>(null)
  const look = async () => setState(await lockState())
  useEffect(() => {
    const quietly = () => void look().catch(() => undefined)
    const use = () => void noteUse().catch(() => undefined)
    quietly()
    use()
    const stop = onUnlockChanged(quietly)
    for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, use)
    return () => {
      stop()
      for (const event of ["pointerdown", "keydown"]) document.removeEventListener(event, use)
    }
  }, [])
  return [state, look]
}

/** Where something would be shown, were it not locked; once it is unlocked, where to lock it. Nothing where there is no lock. */
export function LockCard({ state, onUnlocked }: { state: LockState | null; onUnlocked: () => void }) {
  const [tried, setTried] = useState("")
  if (state === null || state === "none") return null
  if (state === "locked") {
    return (
      <UnlockForm
        onUnlocked={(text) => {
          setTried(text)
          onUnlocked()
        }}
      />
    )
  }
  return (
    <section class="card lock small" aria-label={i18n.t("lockTitle")}>
      <div class="row">
        <span class="quiet">{i18n.t("unlocked")}</span>
        <button type="button" class="link" onClick={() => void lockNow()}>
          {i18n.t("lockNow")}
        </button>
      </div>
      {tried === "" ? null : <p class="status warn">{tried}</p>}
    </section>
  )
}

function UnlockForm({ onUnlocked }: { onUnlocked: (tried: string) => void }) {
  const [passphrase, setPassphrase] = useState("")
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState("")
  const title = useId()
  const act = async () => {
    if (isBusy || passphrase === "") return
    setBusy(true)
    setFault("")
    try {
      const before = await unlockDevice(passphrase)
      await ask("unlocked", {})
      onUnlocked(before === null ? "" : i18n.t("lockTried", before.count, [String(before.count), agoOf(before.since)]))
    } catch (error) {
      setFault(toPspError(error, "Unlocking").message)
    } finally {
      setPassphrase("")
      setBusy(false)
    }
  }
  return (
    <form
      class="card lock"
      aria-labelledby={title}
      onSubmit={(event) => {
        event.preventDefault()
        void act()
      }}
    >
      <h2 id={title}>{i18n.t("locked")}</h2>
      <p class="small quiet">{i18n.t("lockedHint")}</p>
      <Passphrase label={i18n.t("passphrase")} isNew={false} value={passphrase} onInput={setPassphrase} />
      <div class="row">
        <button type="submit" disabled={isBusy || passphrase === ""}>
          {i18n.t("unlock")}
        </button>
        {isBusy ? <progress aria-label={i18n.t("unlock")} /> : null}
      </div>
      <p aria-live="polite" class="small status bad">
        {fault}
      </p>
      <details class="small">
        <summary>{i18n.t("lockForgot")}</summary>
        <p class="quiet">{i18n.t("lockForgotHint")}</p>
      </details>
    </form>
  )
}

interface PassphraseProps {
  label: string
  isNew: boolean
  value: string
  onInput: (text: string) => void
}

export function Passphrase({ label, isNew, value, onInput }: PassphraseProps) {
  return (
    <label class="small">
      {label}
      <input
        type="password"
        autocomplete={isNew ? "new-password" : "current-password"}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  )
}
