import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { kindsOfNames } from "../../shared/field-names.js"
import { handoffSentence } from "../../shared/handoff-sentence.js"
import { kinds as allKinds, type Kind } from "../../shared/report.js"
import type { SessionName } from "../forget.js"
import {
  handOff,
  handOffAsFile,
  type HandedOff,
  type HandedOffFile,
  type HandoffScene,
  type Recipient,
} from "../hand-off.js"
import { Check, toggled } from "./check.js"
import { Choice } from "./choice.js"
import { download } from "./download.js"
import { endOf, usualEnd, type EndChoice } from "./end-choice.js"
import { HandOffNames } from "./hand-off-names.js"
import { HandOffEnd } from "./hand-off-end.js"
import { handoffWords } from "./hand-off-words.js"

interface HandOffTermsProps {
  session: SessionName
  scene: HandoffScene
  recipient: Recipient
  /** It was handed something before: its words were compared then. */
  isKnown: boolean
  onDone: (result: HandedOff | HandedOffFile) => void
}

/** The second step: what, until when, in one sentence what that means, and the word of the person that it is the right card. */
export function HandOffTerms({ session, scene, recipient, isKnown, onDone }: HandOffTermsProps) {
  const [what, setWhat] = useState<"all" | "cookies" | "some" | "names">("all")
  const [some, setSome] = useState<Kind[]>(["cookies"])
  const [named, setNamed] = useState<string[]>([])
  const [back, setBack] = useState<"read" | "save">("read")
  const [how, setHow] = useState<"store" | "file">("store")
  const [end, setEnd] = useState<EndChoice>(usualEnd)
  const [isCompared, setCompared] = useState(isKnown)
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  const now = useNow()

  const isFile = how === "file"
  const names = what === "names" ? scene.names.filter((name) => named.includes(name)) : null
  const chosen = names === null ? kindsOf(what, some) : kindsOfNames(names)
  const chosenEnd = endOf(end, now)
  const expiresAt = isFile && chosenEnd !== undefined ? Math.min(chosenEnd ?? Infinity, scene.endsAt) : chosenEnd
  const mayGo = isCompared && expiresAt !== undefined && chosen.length > 0 && !isBusy

  const go = async () => {
    // The time of the click counts, not that of the last look at the clock.
    const last = endOf(end, Date.now())
    if (!mayGo || last === undefined) return
    setBusy(true)
    setFault(null)
    const choice = {
      ...session,
      card: recipient.card,
      sites: scene.sites,
      kinds: chosen,
      names,
      saveBack: back === "save" && !isFile,
      expiresAt: last,
    }
    try {
      if (isFile) {
        const file = await handOffAsFile(choice)
        download(new Blob([file.bytes], { type: "application/octet-stream" }), file.name)
        onDone(file)
      } else onDone(await handOff(choice))
    } catch (error) {
      setFault(toPspError(error, "Handing off").message)
      setBusy(false)
    }
  }

  return (
    <form
      class="terms"
      aria-busy={isBusy}
      onSubmit={(event) => {
        event.preventDefault()
        void go()
      }}
    >
      <Choice
        legend={i18n.t("handOffHow")}
        name="how"
        value={how}
        options={[
          ["store", i18n.t("handOffStore")],
          ["file", i18n.t("handOffFile")],
        ]}
        onChoose={setHow}
      />
      <Choice
        legend={i18n.t("handOffWhat")}
        name="what"
        value={what}
        options={[
          ["all", i18n.t("handOffAll")],
          ["cookies", i18n.t("handOffCookies")],
          ["some", i18n.t("handOffSome")],
          ...(scene.names.length === 0 ? [] : [["names", i18n.t("handOffNames")] as const]),
        ]}
        onChoose={setWhat}
      />
      {what === "some" ? (
        <fieldset class="indented" aria-label={i18n.t("handOffSome")}>
          {allKinds.map((kind) => (
            <Check
              key={kind}
              label={i18n.t(`kinds.${kind}`)}
              isOn={some.includes(kind)}
              onToggle={() => setSome(toggled(some, kind))}
            />
          ))}
          {some.length === 0 ? <p class="small status warn">{i18n.t("nothingChosen")}</p> : null}
        </fieldset>
      ) : null}
      {what === "names" ? <HandOffNames names={scene.names} chosen={named} onChoose={setNamed} /> : null}
      {isFile ? null : (
        <Choice
          legend={i18n.t("handOffBackAgain")}
          name="back"
          value={back}
          options={[
            ["read", i18n.t("handOffReadOnly")],
            ["save", i18n.t("handOffSaveBack")],
          ]}
          onChoose={setBack}
        />
      )}
      <HandOffEnd end={end} fileEndsAt={isFile ? scene.endsAt : null} onChoose={setEnd} />
      <section class="card" aria-label={i18n.t("handOffDoes")} aria-live="polite">
        {expiresAt === undefined ? (
          <p class="small status warn">{i18n.t("handOffPast")}</p>
        ) : names?.length === 0 ? (
          <p class="small status warn">{i18n.t("handOffNoName")}</p>
        ) : (
          <p class="text">
            {handoffSentence(handoffWords, {
              ...session,
              name: recipient.name,
              others: scene.sites.filter((site) => site !== session.site),
              kinds: chosen === "all" ? "all" : allKinds.filter((kind) => chosen.includes(kind)),
              names,
              saveBack: back === "save",
              expiresAt,
              isFile,
            })}
          </p>
        )}
        <p class="small quiet">{i18n.t("handOffKeeps")}</p>
      </section>
      {isKnown ? null : (
        <div class="wrapping">
          <Check
            label={i18n.t("handOffSameWords")}
            hint={i18n.t("handOffWordsWhy")}
            isOn={isCompared}
            onToggle={() => setCompared(!isCompared)}
          />
        </div>
      )}
      <div class="buttons">
        <button type="submit" class="primary" aria-disabled={!mayGo}>
          {isBusy ? i18n.t("handOffBusy") : isFile ? i18n.t("handOffMakeFile") : i18n.t("handOff")}
        </button>
      </div>
      <p role="status" class="status bad">
        {fault === null ? "" : i18n.t("handOffFailed", [fault])}
      </p>
    </form>
  )
}

function kindsOf(what: "all" | "cookies" | "some" | "names", some: Kind[]): "all" | Kind[] {
  if (what === "all") return "all"
  return what === "cookies" ? ["cookies"] : some
}

/** Now, looked at twice a minute: the sentence says the end by the clock. */
function useNow(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000)
    return () => clearInterval(timer)
  }, [])
  return now
}
