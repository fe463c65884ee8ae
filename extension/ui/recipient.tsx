import { useId, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import type { CardOddity } from "../../shared/card-oddities.js"
import { toPspError } from "../../shared/errors.js"
import { longestText, readRecipient, type Recipient } from "../hand-off.js"
import { shownName } from "./shown-name.js"

interface RecipientChoiceProps {
  bots: Recipient[]
  /** The card that is chosen, known or new. */
  chosen: Recipient | null
  onChoose: (recipient: Recipient | null) => void
}

/** Somebody that something was handed to before, or a new card. */
export function RecipientChoice({ bots, chosen, onChoose }: RecipientChoiceProps) {
  const [isNew, setNew] = useState(bots.length === 0)
  return (
    <fieldset class="wrapping">
      <legend>{i18n.t("handOffTo")}</legend>
      {bots.map((bot) => (
        <label key={bot.card} class="check">
          <input
            type="radio"
            name="recipient"
            checked={!isNew && chosen?.card === bot.card}
            onChange={() => {
              setNew(false)
              onChoose(bot)
            }}
          />
          <span>
            <strong class="text">{shownName(bot.name)}</strong> <span class="words small">{bot.fingerprint}</span>
          </span>
        </label>
      ))}
      {bots.length === 0 ? null : (
        <label class="check">
          <input
            type="radio"
            name="recipient"
            checked={isNew}
            onChange={() => {
              setNew(true)
              onChoose(null)
            }}
          />
          <span>{i18n.t("handOffNewBot")}</span>
        </label>
      )}
      {isNew ? <NewCard onRead={onChoose} /> : null}
    </fieldset>
  )
}

/** The first of two steps: a card is read and shown, and nothing is granted to it. */
function NewCard({ onRead }: { onRead: (recipient: Recipient | null) => void }) {
  const [text, setText] = useState("")
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  const id = useId()

  const read = async (given: string) => {
    if (isBusy || given.trim() === "") return
    setBusy(true)
    setFault(null)
    onRead(null)
    try {
      onRead(await readRecipient(given))
    } catch (error) {
      setFault(i18n.t("handOffBadCard", [toPspError(error, "Reading the card").message]))
    } finally {
      setBusy(false)
    }
  }
  const change = (given: string) => {
    setText(given)
    setFault(null)
    onRead(null)
  }
  return (
    <div class="new-card">
      <label for={id}>{i18n.t("handOffCard")}</label>
      <textarea
        id={id}
        rows={4}
        spellcheck={false}
        autocomplete="off"
        maxLength={longestText}
        aria-describedby={`${id}-hint`}
        value={text}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <p id={`${id}-hint`} class="small quiet">
        {i18n.t("handOffCardHint")}
      </p>
      <div class="buttons">
        <button type="button" aria-disabled={isBusy || text.trim() === ""} onClick={() => void read(text)}>
          {i18n.t("handOffReadCard")}
        </button>
        <label class="file small">
          <span>{i18n.t("handOffCardFile")}</span>
          <input
            type="file"
            onChange={(event) => {
              const [file] = event.currentTarget.files ?? []
              if (file === undefined) return
              void file
                .slice(0, longestText)
                .text()
                .then((given) => {
                  change(given.trim())
                  return read(given)
                })
            }}
          />
        </label>
      </div>
      <div aria-live="polite">
        {isBusy ? <p class="small quiet">{i18n.t("handOffReading")}</p> : null}
        {fault === null ? null : <p class="small status bad">{fault}</p>}
      </div>
    </div>
  )
}

/** Who it is by the card: its name, its six words, and what is odd about it. */
export function RecipientCard({ recipient }: { recipient: Recipient }) {
  const { name, fingerprint, oddities } = recipient
  return (
    <section class="card" aria-label={i18n.t("handOffCardIs")}>
      <p class="small quiet">{i18n.t("handOffCardIs")}</p>
      <strong class="text">{shownName(name)}</strong>
      <div class="words" aria-label={i18n.t("fingerprint")}>
        {fingerprint}
      </div>
      {oddities.map((oddity) => (
        <p key={JSON.stringify(oddity)} class={`small status ${gentle.has(oddity.code) ? "warn" : "bad"}`}>
          {oddityText(oddity)}
        </p>
      ))}
    </section>
  )
}

/** What an honest card may have, too. */
const gentle: ReadonlySet<CardOddity["code"]> = new Set(["known-as", "mixed-scripts"])

function oddityText(oddity: CardOddity): string {
  switch (oddity.code) {
    case "owner-device":
      return i18n.t("cardOddity.ownerDevice")
    case "other-owner":
      return i18n.t("cardOddity.otherOwner")
    case "mixed-scripts":
      return i18n.t("cardOddity.mixedScripts")
    case "invisible":
      return i18n.t("cardOddity.invisible")
    case "known-as":
      return i18n.t("cardOddity.knownAs", [shownName(oddity.name)])
    case "half-known":
      return i18n.t("cardOddity.halfKnown", [shownName(oddity.name), oddity.fingerprint])
    case "same-name":
      return i18n.t("cardOddity.sameName", [shownName(oddity.name), oddity.fingerprint])
    case "look-alike":
      return i18n.t("cardOddity.lookAlike", [shownName(oddity.name), oddity.fingerprint])
  }
}
