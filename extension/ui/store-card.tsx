import { i18n } from "../i18n.js"
import { credentialCommands } from "../store-commands.js"
import type { StoreTrial } from "../../shared/store-facts.js"
import type { StoreView } from "../store-choice.js"
import { Command } from "./command.js"
import { agoOf, sizeOf } from "./format.js"

/** The store that is set: where, by whose choice, whether it works, and which credentials it has. */
export function StoreCard({ store }: { store: StoreView }) {
  const { address, source, credentials, trial, fault } = store
  const commands = credentialCommands(credentials, null)
  return (
    <section class="card store" aria-label={i18n.t("storeNow")}>
      <code class="text">{address}</code>
      <p class="small quiet">{i18n.t(`storeSource.${source}`)}</p>
      {fault === null ? null : <p class="small status bad">{i18n.t("storeBroken", [fault])}</p>}
      {credentials.length === 0 ? null : (
        <ul class="small">
          {credentials.map(({ name, state }) => (
            <li key={name}>{i18n.t(`credentialState.${state}`, [name])}</li>
          ))}
        </ul>
      )}
      {commands.length === 0 || source === "variable" ? null : <KeepCredentials commands={commands} />}
      {trial === null ? <p class="small quiet">{i18n.t("storeUntried")}</p> : <Trial trial={trial} />}
    </section>
  )
}

/** Credentials are typed on the computer, never into a page. */
export function KeepCredentials({ commands }: { commands: string[] }) {
  return (
    <>
      <p class="small">{i18n.t("keepCredentials")}</p>
      {commands.map((text) => (
        <Command key={text} text={text} />
      ))}
    </>
  )
}

function Trial({ trial }: { trial: StoreTrial }) {
  const { at, isCreateOnly, maxObjectBytes, warnings } = trial
  return (
    <>
      <p class="small quiet">
        {i18n.t("storeTried", [agoOf(at)])} {i18n.t(isCreateOnly ? "storeKeepsNames" : "storeReplaces")}{" "}
        {i18n.t("storeLargest", [sizeOf(maxObjectBytes)])}
      </p>
      {warnings.map(({ code, message }) => (
        <p key={code} class="small status warn">
          {i18n.t("storeWarning", [message])}
        </p>
      ))}
    </>
  )
}
