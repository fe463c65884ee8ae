import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import type { SessionName } from "../forget.js"
import { prepareHandoff, type HandedOff, type HandedOffFile, type HandoffScene, type Recipient } from "../hand-off.js"
import { defaultAccount } from "../../shared/site.js"
import { HandedOffResult } from "./handed-off-result.js"
import { HandOffTerms } from "./hand-off-terms.js"
import { RecipientCard, RecipientChoice } from "./recipient.js"
import { shownName } from "./shown-name.js"

/** Gives one session to one bot: who, then what and until when, then what to run there. */
export function HandOff({ session }: { session: SessionName }) {
  const { site, account } = session
  const [scene, setScene] = useState<HandoffScene | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const [recipient, setRecipient] = useState<Recipient | null>(null)
  const [done, setDone] = useState<HandedOff | HandedOffFile | null>(null)
  const [round, setRound] = useState(0)
  useEffect(() => {
    prepareHandoff(session)
      .then(setScene)
      .catch((error: unknown) => setFault(toPspError(error, "Handing off").message))
  }, [round])

  const again = () => {
    setScene(null)
    setRecipient(null)
    setDone(null)
    setRound(round + 1)
  }
  return (
    <main>
      <header>
        <a href="#">{i18n.t("handOffBack")}</a>
        <h1 class="text">{i18n.t("handOffTitle", [site])}</h1>
        {account === defaultAccount ? null : <p class="quiet text">{i18n.t("handOffAccount", [shownName(account)])}</p>}
      </header>
      {fault === null ? null : (
        <p role="alert" class="status bad">
          {i18n.t("handOffFailed", [fault])}
        </p>
      )}
      {done !== null && recipient !== null ? (
        <HandedOffResult result={done} name={recipient.name} onAgain={again} />
      ) : scene !== null ? (
        <>
          <RecipientChoice key={round} bots={scene.bots} chosen={recipient} onChoose={setRecipient} />
          {recipient === null ? null : <RecipientCard recipient={recipient} />}
          {recipient?.isAllowed !== true ? null : (
            <HandOffTerms
              key={recipient.card}
              {...{ session, scene, recipient }}
              isKnown={scene.bots.some(({ card }) => card === recipient.card)}
              onDone={setDone}
            />
          )}
        </>
      ) : fault === null ? (
        <Looking />
      ) : null}
    </main>
  )
}

function Looking() {
  return (
    <>
      <p class="quiet">{i18n.t("handOffLooking")}</p>
      <progress aria-label={i18n.t("handOffLooking")} />
    </>
  )
}
