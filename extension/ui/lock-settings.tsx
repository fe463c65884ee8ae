import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { shortestPassphrase } from "../../shared/shortest-passphrase.js"
import { removePassphrase, setPassphrase, type LockState } from "../lock-device.js"
import { lockSpans, readLockAfter, writeLockAfter } from "../unlocked.js"
import { spanOf } from "./format.js"
import { LockCard, Passphrase } from "./lock.js"

interface LockSettingsProps {
  state: LockState | null
  /** Something about the lock has changed. */
  onChange: () => void
}

/** Locks this browser's identity with a passphrase, changes it, takes it away. */
export function LockSettings({ state, onChange }: LockSettingsProps) {
  const [text, setText] = useState("")
  const [first, setFirst] = useState("")
  const [again, setAgain] = useState("")
  const [isBusy, setBusy] = useState(false)
  const act = async (work: () => Promise<void>, done: string) => {
    setBusy(true)
    setText("")
    try {
      await work()
      setText(done)
    } catch (error) {
      setText(i18n.t("failed", [toPspError(error, "Changing the lock").message]))
    } finally {
      setFirst("")
      setAgain("")
      setBusy(false)
      onChange()
    }
  }
  if (state === null) return <progress />
  const isGood = first.length >= shortestPassphrase && first === again
  const hint = first === "" || isGood ? "" : i18n.t(first.length < shortestPassphrase ? "lockShort" : "lockDiffers")
  return (
    <>
      <LockCard state={state} onUnlocked={onChange} />
      {state === "locked" ? null : (
        <form
          class="card lock"
          onSubmit={(event) => {
            event.preventDefault()
            if (isGood && !isBusy) void act(() => setPassphrase(first), i18n.t("lockSet"))
          }}
        >
          <p class="small quiet">{i18n.t(state === "none" ? "lockHint" : "lockChangeHint")}</p>
          <Passphrase label={i18n.t("passphraseNew")} isNew value={first} onInput={setFirst} />
          <Passphrase label={i18n.t("passphraseAgain")} isNew value={again} onInput={setAgain} />
          <p class="small quiet">{hint}</p>
          <div class="row">
            <button type="submit" disabled={isBusy || !isGood}>
              {i18n.t(state === "none" ? "lockOn" : "lockChange")}
            </button>
            {isBusy ? <progress aria-label={i18n.t("lockTitle")} /> : null}
          </div>
          {state === "none" ? null : (
            <>
              <LockAfter />
              <button
                type="button"
                class="link small"
                disabled={isBusy}
                onClick={() => void act(removePassphrase, i18n.t("lockRemoved"))}
              >
                {i18n.t("lockOff")}
              </button>
            </>
          )}
        </form>
      )}
      <p aria-live="polite" class="small">
        {text}
      </p>
    </>
  )
}

function LockAfter() {
  const [minutes, setMinutes] = useState<number | null>(null)
  useEffect(() => void readLockAfter().then(setMinutes), [])
  const choose = (value: number) => {
    setMinutes(value)
    void writeLockAfter(value)
  }
  return (
    <label class="row small">
      <span>{i18n.t("lockAfter")}</span>
      <select
        value={minutes ?? ""}
        disabled={minutes === null}
        onChange={(event) => choose(Number(event.currentTarget.value))}
      >
        {lockSpans.map((span) => (
          <option key={span} value={span}>
            {spanOf(span * 60_000)}
          </option>
        ))}
      </select>
    </label>
  )
}
