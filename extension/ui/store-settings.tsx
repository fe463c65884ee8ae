import { useEffect, useRef, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { credentialCommands, pullCommand } from "../store-commands.js"
import { ask } from "../messages.js"
import type { StoreView } from "../store-choice.js"
import { Command } from "./command.js"
import { KeepCredentials, StoreCard } from "./store-card.js"

type Outcome =
  | { kind: "changed" | "undone"; before: StoreView; address: string }
  | { kind: "failed"; message: string; commands: string[] }

const examples = [
  "file:///srv/sessions",
  "s3://bucket/prefix?region=eu-west-1",
  "rediss://user@cache.example:6380/0",
  "cloudflare-kv://ACCOUNT-ID/NAMESPACE-ID",
]

/** Shows the store of this computer, and has the computer try another one. `isTrusted`: asks anew when it changes. */
export function StoreSettings({ isTrusted, onChange }: { isTrusted: boolean; onChange: () => Promise<void> }) {
  const [store, setStore] = useState<StoreView | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [address, setAddress] = useState("")
  const [isBusy, setBusy] = useState(false)
  const result = useRef<HTMLDivElement>(null)

  const look = async () => {
    try {
      setStore(await ask("store", {}))
      setFault(null)
    } catch (error) {
      setFault(toPspError(error, "Asking for the store").message)
    }
  }
  useEffect(() => void look(), [isTrusted])
  // The button that was pressed may be gone: what came of it is read next.
  useEffect(() => {
    if (outcome !== null && !isBusy && document.activeElement === document.body) result.current?.focus()
  }, [outcome, isBusy])

  const change = async (to: string | null, kind: "changed" | "undone") => {
    if (isBusy || store === null) return
    setBusy(true)
    setOutcome(null)
    try {
      const changed = await ask("setStore", { address: to })
      setStore(changed)
      setOutcome({ kind, before: store, address: changed.address })
      if (kind === "changed") setAddress("")
      // What waits goes to the new store at once; what becomes of it is told where it waits.
      void ask("wake", {}).then(onChange, onChange)
    } catch (error) {
      const { code, message } = toPspError(error, "Changing the store")
      setOutcome({ kind: "failed", message, commands: to === null ? [] : await commandsFor(to, code) })
      await look()
    } finally {
      setBusy(false)
    }
  }

  if (store === null) {
    return fault === null ? <progress /> : <p class="card small status bad">{i18n.t("failed", [fault])}</p>
  }
  const undo = outcome?.kind === "changed" ? wayBack(outcome.before) : undefined
  return (
    <>
      <StoreCard store={store} />
      {store.source === "variable" ? null : !store.mayChange ? (
        <p class="small quiet">{i18n.t("storeTrustFirst")}</p>
      ) : (
        <form
          class="store-form"
          aria-busy={isBusy}
          onSubmit={(event) => {
            event.preventDefault()
            if (address.trim() !== "") void change(address.trim(), "changed")
          }}
        >
          <label for="store-address">{i18n.t("storeAnother")}</label>
          <input
            id="store-address"
            type="text"
            inputMode="url"
            autocomplete="off"
            spellcheck={false}
            aria-describedby="store-hint"
            value={address}
            readOnly={isBusy}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
          <div id="store-hint" class="small quiet">
            <p>{i18n.t("storeHint")}</p>
            <ul>
              {examples.map((example) => (
                <li key={example}>
                  <code>{example}</code>
                </li>
              ))}
            </ul>
            <p>
              {i18n.t("storeTakeAlong")} <code>psp migrate --to ADDRESS</code>
            </p>
          </div>
          <div class="buttons">
            <button type="submit" class="primary" aria-disabled={isBusy || address.trim() === ""}>
              {i18n.t("storeTry")}
            </button>
            {isBusy ? (
              <button type="button" onClick={() => void ask("cancelStore", {})}>
                {i18n.t("cancel")}
              </button>
            ) : null}
            {undo === undefined || isBusy ? null : (
              <button type="button" onClick={() => void change(undo, "undone")}>
                {i18n.t("undo")}
              </button>
            )}
          </div>
          <div ref={result} tabIndex={-1} class="store-result" aria-live="polite">
            {isBusy ? <Trying /> : outcome === null ? null : <Result outcome={outcome} />}
          </div>
        </form>
      )}
    </>
  )
}

function Trying() {
  return (
    <>
      <p class="small">{i18n.t("storeTrying")}</p>
      <div class="row">
        <progress aria-label={i18n.t("storeTrying")} />
      </div>
    </>
  )
}

function Result({ outcome }: { outcome: Outcome }) {
  if (outcome.kind === "failed") {
    return (
      <>
        <p class="status bad">{i18n.t("storeNotChanged", [outcome.message])}</p>
        {outcome.commands.length === 0 ? null : <KeepCredentials commands={outcome.commands} />}
      </>
    )
  }
  const { before, address } = outcome
  return (
    <>
      <p class="status good">{i18n.t(outcome.kind === "undone" ? "storeUndone" : "storeChanged", [address])}</p>
      {outcome.kind === "undone" ? null : (
        <>
          <p class="small">{i18n.t("storeLeftThere", [before.address])}</p>
          {before.address.includes("…") ? null : <Command text={pullCommand(before.address)} />}
        </>
      )}
    </>
  )
}

/** null: without a choice. undefined: it cannot be gone back to from here, as its address is not shown whole. */
function wayBack({ source, address }: StoreView): string | null | undefined {
  if (source === "default") return null
  return source === "variable" || address.includes("…") ? undefined : address
}

/** What may be missing where the store refused us. */
async function commandsFor(address: string, code: string): Promise<string[]> {
  if (code !== "denied" && code !== "bad-config") return []
  const credentials = await ask("credentials", { address }).catch(() => [])
  return credentialCommands(credentials, address)
}
