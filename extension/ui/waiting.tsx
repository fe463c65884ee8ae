import { printable } from "../../shared/printable.js"
import { i18n } from "../i18n.js"
import { ask } from "../messages.js"
import type { LostSave } from "../lost-saves.js"
import type { Waiting } from "../outbox.js"
import { agoOf } from "./format.js"

/** What is sealed and not in the store yet, since when, and what the browser lost of it. */
export function WaitingSaves({
  waiting,
  lost,
  onChange,
}: {
  waiting: Waiting[]
  lost: LostSave[]
  onChange: () => Promise<void>
}) {
  return (
    <>
      {waiting.length === 0 ? null : (
        <section>
          <h2>{i18n.t("waitingTitle")}</h2>
          <ul>
            {waiting.map((one) => (
              <li key={one.id}>
                <SaveName {...one} /> {i18n.t("waitingSince", [agoOf(one.since)])}
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => void ask("wake", {}).then(onChange)}>
            {i18n.t("retry")}
          </button>
        </section>
      )}
      {lost.length === 0 ? null : (
        <section>
          <h2>{i18n.t("lostTitle")}</h2>
          <p class="small quiet">{i18n.t("lostNote")}</p>
          {lost.map((one) => (
            <div key={one.id} class="row">
              <span>
                <SaveName {...one} /> {i18n.t("lostSince", [agoOf(one.since)])}
              </span>
              <button
                type="button"
                aria-label={i18n.t("dismissFor", [one.site])}
                onClick={() => void ask("dismissLost", { id: one.id }).then(onChange)}
              >
                {i18n.t("dismiss")}
              </button>
            </div>
          ))}
        </section>
      )}
    </>
  )
}

function SaveName({ site, account }: { site: string; account: string }) {
  return (
    <>
      <span class="text">{site}</span> <span class="quiet text">{printable(account)}</span>
    </>
  )
}
