import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { ask, type Computer } from "../messages.js"

/** Ask again after as many ms; null: that was all. */
type Again = (computer: Computer) => number | null

/** Each look starts the native host: a page that stays open must not do so for ever. */
export const untilTrusted: Again = (computer) => (computer.isThere && computer.trust.state === "trusted" ? null : 2000)
export const whileWaiting: Again = (computer) => (computer.isThere && computer.trust.state === "waiting" ? 2000 : null)

/** How long (ms) one answer may take: a host that starts on a busy machine takes seconds. */
const patience = 15_000

/** This computer, asked now and again while the page is visible; null until the first answer. */
export function useComputer(again: Again): [Computer | null, (computer: Computer) => void] {
  const [computer, setComputer] = useState<Computer | null>(null)
  useEffect(() => {
    const ms = computer === null ? 0 : again(computer)
    if (ms === null) return
    let isOpen = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = async () => {
      if (document.visibilityState === "visible") {
        // A question to a background that only just starts may never be answered: then it is asked again.
        const late = setTimeout(() => {
          if (isOpen) void look()
        }, patience)
        const found = await ask("computer", {}).catch(unreachable)
        clearTimeout(late)
        if (isOpen) setComputer(found)
      } else if (isOpen) timer = setTimeout(() => void look(), ms)
    }
    if (ms === 0) void look()
    else timer = setTimeout(() => void look(), ms)
    return () => {
      isOpen = false
      clearTimeout(timer)
    }
  }, [computer])
  return [computer, setComputer]
}

/** Name, fingerprint and the button that trusts; the button appears only while there is something to trust. */
export function ComputerCard({ computer, onTrust }: { computer: Computer; onTrust: (computer: Computer) => void }) {
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  if (!computer.isThere) return <p class="card small">{computer.message}</p>
  const { trust, store } = computer
  if (trust.state === "no-identity") return <p class="card small">{i18n.t("noIdentity")}</p>

  const onClick = async () => {
    setBusy(true)
    setFault(null)
    try {
      onTrust({ ...computer, trust: await ask("trust", { fingerprint: trust.fingerprint }) })
    } catch (error) {
      setFault(toPspError(error, "Trusting this computer").message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <section class="card" aria-label={i18n.t("computer")}>
      <div class="row">
        <strong class="text">{trust.name}</strong>
        <span class="quiet small">
          {trust.state === "trusted" ? i18n.t("trusted", [""]).replace(/[:\s]+$/, "") : i18n.t("computer")}
        </span>
      </div>
      <div class="words small" aria-label={i18n.t("fingerprint")}>
        {trust.fingerprint}
      </div>
      {store.ok ? null : <p class="small status bad">{i18n.t("storeBroken", [store.message ?? store.kind])}</p>}
      {trust.state === "trusted" ? <p class="small quiet">{i18n.t("trustedNote")}</p> : null}
      {trust.state === "waiting" ? <p class="small">{i18n.t("trustWaiting")}</p> : null}
      {trust.state === "changed" ? <p class="small status bad">{i18n.t("trustChanged")}</p> : null}
      {trust.state === "unknown" ? (
        <>
          <p class="small">
            {i18n.t("trustWhy")} <span class="quiet">{i18n.t("untrustedNote")}</span>
          </p>
          <button type="button" class="primary" disabled={isBusy} onClick={() => void onClick()}>
            {i18n.t("trust")}
          </button>
        </>
      ) : null}
      {fault === null ? null : <p class="small status bad">{i18n.t("failed", [fault])}</p>}
    </section>
  )
}

function unreachable(error: unknown): Computer {
  const { code, message } = toPspError(error, "Asking this computer")
  return { isThere: false, code, message }
}
