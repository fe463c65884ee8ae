import { useEffect, useState } from "preact/hooks"
import { browser } from "wxt/browser"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import type { Kind } from "../../shared/report.js"
import type { SessionEntry } from "../../shared/vault.js"
import { describeTab, savableKinds, type Description } from "../describe.js"
import { ask, type Computer, type Sessions } from "../messages.js"
import type { Waiting } from "../outbox.js"
import { requestSite } from "../permissions.js"
import { isUnderWay, onSaveState, readSaveState, type SaveIntent, type SaveState } from "../save-state.js"
import { isTrusted } from "../trust.js"
import { ComputerCard, useComputer, whileWaiting } from "./computer.js"
import { Forget } from "./forget.js"
import { agoOf, dateOf } from "./format.js"
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
      </header>
      {wasTrusted ? null : <FirstRun computer={computer} onTrust={setComputer} />}
      <SaveForm
        description={description}
        isBusy={isUnderWay(ownSave)}
        isMain={wasTrusted || isTrustedNow(computer)}
        onSave={(intent) => {
          setNote(null)
          // Shown before the background answers, or the end of the last save would stand there as that of this one.
          setSave({ phase: "permission", intent, since: Date.now(), timings: {} })
        }}
        onFault={(text) => {
          setNote(text)
          void readSaveState().then(setSave)
        }}
      />
      <SaveStatus state={ownSave} note={note} />
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

interface SaveFormProps {
  description: Extract<Description, { site: string }>
  isBusy: boolean
  /** Save is the main thing to do here; before the computer is trusted, trusting it is. */
  isMain: boolean
  onSave: (intent: SaveIntent) => void
  onFault: (text: string) => void
}

function SaveForm({ description, isBusy, isMain, onSave, onFault }: SaveFormProps) {
  const { site, origins, cookies, tabs } = description
  const [account, setAccount] = useState(description.account)
  const [kinds, setKinds] = useState<Kind[]>([...savableKinds])
  const [withoutOrigins, setWithoutOrigins] = useState<string[]>([])

  // Posts the intent, then asks: nothing may be awaited before the request, or Firefox loses the click.
  const onClick = () => {
    const label = account.trim() === "" ? description.account : account.trim()
    const intent = { id: crypto.randomUUID(), tabId: description.tabId, site, account: label, kinds, withoutOrigins }
    onSave(intent)
    const fail = (error: unknown) => onFault(i18n.t("notSaved", [toPspError(error, "Saving").message]))
    const posted = ask("save", { intent }).catch(fail)
    requestSite(site)
      .then(async (granted) => {
        await posted
        await ask("permission", { granted })
      })
      .catch(fail)
  }
  const counts: Partial<Record<Kind, string>> = {
    ...(cookies === null ? {} : { cookies: String(cookies) }),
    localStorage: i18n.t("originCount", origins.length, [String(origins.length)]),
    sessionStorage: i18n.t("tabCount", tabs, [String(tabs)]),
  }
  return (
    <>
      <label>
        <span class="small quiet">{i18n.t("account")}</span>
        <input
          type="text"
          value={account}
          maxLength={100}
          title={i18n.t("accountHint")}
          list="accounts"
          onInput={(event) => setAccount(event.currentTarget.value)}
        />
        <datalist id="accounts">
          {description.accounts.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
      </label>
      <fieldset disabled={isBusy}>
        <legend>{i18n.t("whatIsSaved")}</legend>
        {savableKinds.map((kind) => (
          <Check
            key={kind}
            label={i18n.t(`kinds.${kind}`)}
            hint={i18n.t(`kindHints.${kind}`)}
            count={counts[kind]}
            isOn={kinds.includes(kind)}
            onToggle={() => setKinds(toggled(kinds, kind))}
          />
        ))}
        {origins.length < 2 ? null : (
          <details>
            <summary>{i18n.t("origins")}</summary>
            {origins.map((origin) => (
              <Check
                key={origin}
                label={origin}
                isOn={!withoutOrigins.includes(origin)}
                onToggle={() => setWithoutOrigins(toggled(withoutOrigins, origin))}
              />
            ))}
          </details>
        )}
      </fieldset>
      <button type="button" class={isMain ? "primary" : ""} disabled={isBusy || kinds.length === 0} onClick={onClick}>
        {i18n.t("save")}
      </button>
      {kinds.length === 0 ? <p class="small">{i18n.t("nothingChosen")}</p> : null}
      {description.mayRead ? null : <p class="small quiet">{i18n.t("askFirst")}</p>}
    </>
  )
}

interface CheckProps {
  label: string
  hint?: string
  count?: string | undefined
  isOn: boolean
  onToggle: () => void
}

function Check({ label, hint, count, isOn, onToggle }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={isOn} onChange={onToggle} />
      <span>
        <span class="text">{label}</span> {hint === undefined ? null : <span class="quiet small">{hint}</span>}
      </span>
      <span class="quiet small">{count}</span>
    </label>
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

function toggled<T>(list: T[], item: T): T[] {
  return list.includes(item) ? list.filter((other) => other !== item) : [...list, item]
}
