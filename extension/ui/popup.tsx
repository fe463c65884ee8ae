import { useEffect, useState } from "preact/hooks"
import { browser } from "wxt/browser"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import type { SessionEntry } from "../../shared/vault.js"
import { describeTab, type Description } from "../describe.js"
import { ask, type Computer, type Sessions } from "../messages.js"
import type { Waiting } from "../outbox.js"
import { isUnderWay, onSaveState, readSaveState, type SaveIntent, type SaveState } from "../save-state.js"
import { isTrusted } from "../trust.js"
import { ComputerCard, useComputer, whileWaiting } from "./computer.js"
import { Forget } from "./forget.js"
import { agoOf, dateOf } from "./format.js"
import { SaveForm, startSave } from "./save-form.js"
import { SaveStatus } from "./save-status.js"

/** The tab this popup is about: `?tab=` where it is opened as a page, the active one else. */
const tabParameter = new URLSearchParams(location.search).get("tab")
const tabId = tabParameter === null ? null : Number(tabParameter)

export function Popup() {
  const [description, setDescription] = useState<Description | null>(null)
  const [save, setSave] = useState<SaveState | null>(null)
  const [sessions, setSessions] = useState<Sessions>({ entries: [], isKnown: false })
  const [waiting, setWaiting] = useState<Waiting[]>([])
  const [note, setNote] = useState<string | null>(null)
  const [computer, setComputer] = useComputer(whileWaiting)
  const [wasTrusted, setTrusted] = useState<boolean | null>(null)

  const look = async () => {
    const found = await describeTab(tabId)
    setDescription(found)
    setWaiting(await ask("waiting", {}))
    if (found.site !== null) setSessions(await ask("sessions", { site: found.site }))
  }
  useEffect(() => {
    const fail = (error: unknown) => setNote(i18n.t("failed", [toPspError(error, "Looking at the tab").message]))
    const stop = onSaveState((state) => {
      setSave(state)
      if (isUnderWay(state)) return
      // The end of a save is the news now, over what a second click was told meanwhile.
      setNote(null)
      look().catch(fail)
    })
    readSaveState().then(setSave).catch(fail)
    isTrusted().then(setTrusted).catch(fail)
    describeTab(tabId).then(setDescription).catch(fail)
    ask("wake", {}).then(look).catch(fail)
    return stop
  }, [])

  const begin = (intent: SaveIntent) => {
    startSave(intent, (text) => {
      setNote(text)
      void readSaveState().then(setSave)
    })
    setNote(null)
    // Shown before the background answers, or the end of the last save would stand there as that of this one.
    setSave({ phase: "permission", intent, since: Date.now(), timings: {} })
  }

  if (description === null || wasTrusted === null) return <main aria-busy="true" />
  if (description.site === null) {
    return (
      <main>
        <h1>{i18n.t("extensionName")}</h1>
        <p role="status" class="status">
          {i18n.t("notSaved", [description.why])}
        </p>
        <Footer />
      </main>
    )
  }
  const { site } = description
  const ownWaiting = waiting.filter((one) => one.site === site)
  const ownSave = save?.intent.site === site ? save : null
  return (
    <main>
      <header>
        <h1 class="text">{site}</h1>
        {description.isPrivate ? <p class="quiet small">{i18n.t("privateWindow")}</p> : null}
        {description.container === null ? null : (
          <p class="quiet small text">{i18n.t("container", [description.container])}</p>
        )}
      </header>
      {wasTrusted ? null : <FirstRun computer={computer} onTrust={setComputer} />}
      <SaveForm
        description={description}
        isBusy={isUnderWay(ownSave)}
        isMain={wasTrusted || isTrustedNow(computer)}
        onSave={begin}
      />
      <SaveStatus
        state={ownSave}
        note={note}
        onOpen={(intent, openFirst) => begin({ ...intent, id: crypto.randomUUID(), openFirst })}
      />
      {wasTrusted && computer !== null && isAsking(computer) ? (
        <ComputerCard computer={computer} onTrust={setComputer} />
      ) : null}
      {ownWaiting.map((one) => (
        <p key={one.id} class="small card row">
          <span>
            {i18n.t("waiting", 1)} <span class="quiet">{i18n.t("waitingSince", [agoOf(one.since)])}</span>
          </span>
          <button type="button" class="link" onClick={() => void ask("wake", {}).then(look)}>
            {i18n.t("retry")}
          </button>
        </p>
      ))}
      {sessions.entries.length === 0 ? null : (
        <section aria-label={i18n.t("savedSession")}>
          {sessions.entries.map((session) => (
            <SavedSession key={session.sid} session={session} isKnown={sessions.isKnown} onChange={setNote} />
          ))}
        </section>
      )}
      <Footer />
    </main>
  )
}

function isAsking(computer: Computer): boolean {
  return !isTrustedNow(computer) || (computer.isThere && !computer.store.ok)
}

function isTrustedNow(computer: Computer | null): boolean {
  return computer?.isThere === true && computer.trust.state === "trusted"
}

/** Trusting comes first; its place is kept while the computer is asked, so that nothing moves under the pointer. */
function FirstRun({ computer, onTrust }: { computer: Computer | null; onTrust: (computer: Computer) => void }) {
  return (
    <div class={isTrustedNow(computer) ? "" : "first-run"}>
      {computer === null ? (
        <p class="card small quiet">{i18n.t("lookingForComputer")}</p>
      ) : (
        <ComputerCard computer={computer} onTrust={onTrust} />
      )}
    </div>
  )
}

interface SavedSessionProps {
  session: SessionEntry
  isKnown: boolean
  onChange: (text: string) => void
}

function SavedSession({ session, isKnown, onChange }: SavedSessionProps) {
  const { site, account, savedAt, expiresAt } = session
  return (
    <div class="card row">
      <span class="small">
        <strong class="text">{account}</strong>
        <br />
        <span class="quiet">
          {savedAt === null ? i18n.t(isKnown ? "notStoredYet" : "notKnownNow") : i18n.t("savedAgo", [agoOf(savedAt)])}
          {expiresAt === null ? "" : `, ${i18n.t("endsOn", [dateOf(expiresAt)])}`}
        </span>
      </span>
      <Forget site={site} account={account} onChange={onChange} />
    </div>
  )
}

function Footer() {
  const openDashboard = () => void browser.tabs.create({ url: browser.runtime.getURL("/dashboard.html") })
  return (
    <footer>
      <button type="button" class="link small" onClick={openDashboard}>
        {i18n.t("dashboard")}
      </button>
    </footer>
  )
}
