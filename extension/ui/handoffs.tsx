import { useEffect, useRef, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { defaultAccount } from "../../shared/site.js"
import { listHandoffs, revokeHandoff, siteLink, type Handoff, type Handoffs, type Revoked } from "../handed-off.js"
import { namesText } from "../../shared/handoff-sentence.js"
import { dayTimeOf } from "./format.js"
import { handoffWords } from "./hand-off-words.js"
import { shownName } from "./shown-name.js"

type Done = Revoked & { name: string }

/** What bots may open, by bot, with what takes it back. */
export function HandoffList() {
  const [handoffs, setHandoffs] = useState<Handoffs | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const [done, setDone] = useState<Done | null>(null)
  const result = useRef<HTMLDivElement>(null)

  const look = async () => setHandoffs(await listHandoffs())
  useEffect(() => {
    look().catch((error: unknown) => setFault(i18n.t("failed", [toPspError(error, "Looking at handoffs").message])))
  }, [])
  // The button that was pressed is gone: what came of it is read next.
  useEffect(() => {
    if (done !== null) result.current?.focus()
  }, [done])

  const revoke = async ({ card, name }: Handoff, session: Handoff | null) => {
    setFault(null)
    setDone(null)
    try {
      const at = session === null ? null : { site: session.site, account: session.account }
      setDone({ name, ...(await revokeHandoff(card, at)) })
      await look()
    } catch (error) {
      setFault(i18n.t("revokeFailed", [toPspError(error, "Revoking").message]))
    }
  }

  const cards = new Map<string, Handoff[]>()
  for (const one of handoffs?.list ?? []) cards.set(one.card, [...(cards.get(one.card) ?? []), one])
  return (
    <>
      {handoffs === null && fault === null ? <progress aria-label={i18n.t("givenTitle")} /> : null}
      {handoffs?.isKnown === false ? <p class="small quiet">{i18n.t("givenOld")}</p> : null}
      {handoffs !== null && cards.size === 0 ? <p class="quiet">{i18n.t("givenNone")}</p> : null}
      {[...cards].map(([card, [first, ...others]]) =>
        first === undefined ? null : (
          <BotCard key={card} {...{ first, others }} mayRevoke={handoffs?.isKnown === true} onRevoke={revoke} />
        ),
      )}
      <div ref={result} tabIndex={-1} aria-live="polite" class="revoked">
        {fault === null ? null : <p class="status bad">{fault}</p>}
        {done === null ? null : <LogOutAt done={done} />}
      </div>
    </>
  )
}

interface BotCardProps {
  first: Handoff
  others: Handoff[]
  mayRevoke: boolean
  onRevoke: (bot: Handoff, session: Handoff | null) => Promise<void>
}

function BotCard({ first, others, mayRevoke, onRevoke }: BotCardProps) {
  const all = [first, ...others]
  const name = shownName(first.name)
  return (
    <section class="card" aria-label={name}>
      <strong class="text">{name}</strong>
      <div class="words small" aria-label={i18n.t("fingerprint")}>
        {first.fingerprint}
      </div>
      {all.map((one) => (
        <div key={JSON.stringify([one.site, one.account])} class="handoff">
          <p class="text">
            <strong>{one.sites.length > 0 ? one.sites.join(", ") : one.site}</strong>{" "}
            {one.account === defaultAccount ? null : <span class="quiet">{shownName(one.account)}</span>}
          </p>
          <p class="small quiet">{termsOf(one)}</p>
          {mayRevoke ? (
            <Revoke
              label={i18n.t("revoke")}
              name={i18n.t("revokeAt", [one.site, name])}
              question={i18n.t("revokeSure", [name, one.site])}
              onRevoke={() => onRevoke(first, one)}
            />
          ) : null}
        </div>
      ))}
      {mayRevoke && all.length > 1 ? (
        <Revoke
          label={i18n.t("revokeEverywhere")}
          name={i18n.t("revokeEverywhereOf", [name])}
          question={i18n.t("revokeSureAll", [name])}
          onRevoke={() => onRevoke(first, null)}
        />
      ) : null}
    </section>
  )
}

function whatOf({ kinds, names }: Handoff): string {
  if (names !== null) return namesText(handoffWords, names)
  if (kinds === "all") return i18n.t("givenAll")
  return new Intl.ListFormat().format(kinds.map((kind) => i18n.t(`kinds.${kind}`)))
}

function termsOf(handoff: Handoff): string {
  const { saveBack, expiresAt, hasEnded } = handoff
  const back = i18n.t(saveBack ? "givenSavesBack" : "givenReads")
  const until =
    expiresAt === null ? i18n.t("givenForever") : i18n.t(hasEnded ? "givenEnded" : "givenUntil", [dayTimeOf(expiresAt)])
  return `${whatOf(handoff)} · ${back} · ${until}`
}

interface RevokeProps {
  label: string
  /** Which one, for who does not see what it stands beside. */
  name: string
  question: string
  onRevoke: () => Promise<void>
}

/** Asks in its place before it takes back. */
function Revoke({ label, name, question, onRevoke }: RevokeProps) {
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const keep = useRef<HTMLButtonElement>(null)
  // What is safe has the focus: Enter twice revokes nothing.
  useEffect(() => {
    if (isAsking) keep.current?.focus()
  }, [isAsking])
  if (!isAsking) {
    return (
      <button type="button" aria-label={name} onClick={() => setAsking(true)}>
        {label}
      </button>
    )
  }
  const act = async () => {
    if (isBusy) return
    setBusy(true)
    await onRevoke()
    setBusy(false)
    setAsking(false)
  }
  return (
    <div role="group" aria-label={name} class="asking">
      <p class="small text">{question}</p>
      <div class="buttons">
        <button type="button" aria-disabled={isBusy} onClick={() => void act()}>
          {i18n.t("revokeYes")}
        </button>
        <button type="button" ref={keep} aria-disabled={isBusy} onClick={() => setAsking(false)}>
          {i18n.t("revokeNo")}
        </button>
      </div>
    </div>
  )
}

/** Nothing is opened but by the person's click. */
function LogOutAt({ done: { name, sites, untold } }: { done: Done }) {
  return (
    <>
      <p class="status good">{i18n.t("revokeDone", [shownName(name)])}</p>
      <ul>
        {sites.map((site) => {
          const link = siteLink(site)
          return (
            <li key={site}>
              {link === null ? (
                <span class="text">{site}</span>
              ) : (
                <a class="text" href={link} target="_blank" rel="noreferrer noopener">
                  {site}
                </a>
              )}
            </li>
          )
        })}
      </ul>
      {untold === null ? null : <p class="small status warn">{untold}</p>}
    </>
  )
}
