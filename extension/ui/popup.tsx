import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { browser } from "wxt/browser"
import { i18n } from "../i18n.js"
import type { TtlRules } from "../../shared/merge/ttl.js"
import { keepRulesOf } from "../keep-rules.js"
import { toPspError } from "../../shared/errors.js"
import { describeTab, type Description } from "../describe.js"
import { measureSite, type Measures } from "../measure.js"
import { ask, type Computer, type Sessions } from "../messages.js"
import type { Waiting } from "../outbox.js"
import { isUnderWay, onSaveState, readSaveState, type SaveIntent, type SaveState } from "../save-state.js"
import { isTrusted } from "../trust.js"
import { AlsoSites } from "./also-sites.js"
import { ComputerCard, useComputer, whileWaiting } from "./computer.js"
import { agoOf } from "./format.js"
import { EndedSyncs } from "./ended-syncs.js"
import { inUseOf } from "../in-use.js"
import { keepFocus } from "./keep-focus.js"
import { useLive } from "./live.js"
import { LockCard, useLock } from "./lock.js"
import { SaveForm, startSave } from "./save-form.js"
import { SaveStatus } from "./save-status.js"
import { useSyncs } from "./sync.js"
import { inSeenOrder, SavedSessions } from "./saved-sessions.js"

/** The tab this popup is about: `?tab=` where it is opened as a page, the active one else. */
const tabParameter = new URLSearchParams(location.search).get("tab")
const tabId = tabParameter === null ? null : Number(tabParameter)

/**
 * What comes late (numbers, progress, results, what the computer answers) has its place kept free, or comes below all that
 * can be clicked: nothing moves under the pointer.
 */
export function Popup() {
  const [description, setDescription] = useState<Description | null>(null)
  const [measures, setMeasures] = useState<Measures | null>(null)
  const [also, setAlso] = useState<string[]>([])
  const [save, setSave] = useState<SaveState | null>(null)
  const [sessions, setSessions] = useState<Sessions | null>(null)
  const [waiting, setWaiting] = useState<Waiting[]>([])
  const [note, setNote] = useState<string | null>(null)
  const [computer, setComputer] = useComputer(whileWaiting)
  const [keep, setKeep] = useState<TtlRules | null>(null)
  const [wasTrusted, setTrusted] = useState<boolean | null>(null)
  const [syncs, lookAtSyncs] = useSyncs()
  const live = useLive()
  const [lock] = useLock()
  const looks = useRef(0)
  const forgotten = useRef(new Set<string>())

  const lookAtTab = async () => {
    const look = ++looks.current
    const found = await describeTab(tabId)
    const rules = found.site === null ? {} : await keepRulesOf(found.site)
    if (look !== looks.current) return
    setKeep(rules)
    setDescription(found)
    if (found.site === null || !found.mayRead) return
    await measureSite(found, (now) => {
      if (look !== looks.current) return
      // The numbers of before stand until all of the new ones are there.
      setMeasures((before) => (before?.site === now.site && before.isDone && !now.isDone ? before : now))
    })
  }
  const lookAtSessions = async () => {
    setWaiting(await ask("waiting", {}))
    const found = await describeTab(tabId)
    if (found.site === null) return
    const now = await ask("sessions", { site: found.site })
    setSessions((before) => ({ ...now, entries: inSeenOrder(before?.entries ?? [], now.entries, forgotten.current) }))
  }
  useEffect(() => {
    const fail = (error: unknown) => setNote(i18n.t("failed", [toPspError(error, "Looking at the tab").message]))
    const stop = onSaveState((state) => {
      setSave(state)
      if (isUnderWay(state)) return
      // The end of a save is the news now, over what a second click was told meanwhile.
      setNote(null)
      lookAtTab().catch(fail)
      lookAtSessions().catch(fail)
    })
    readSaveState()
      .then((state) => {
        setSave(state)
        setAlso(state?.intent.alsoSites ?? [])
      })
      .catch(fail)
    isTrusted().then(setTrusted).catch(fail)
    lookAtTab().catch(fail)
    ask("wake", {}).then(lookAtSessions).catch(fail)
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

  // Waited for, because their sentence stands above what can be clicked.
  if (description === null || wasTrusted === null || keep === null || lock === null) return <main aria-busy="true" />
  if (description.site === null) {
    return (
      <main>
        <Header title={i18n.t("extensionName")} />
        <p role="status" class="status">
          {i18n.t("notSaved", [description.why])}
        </p>
      </main>
    )
  }
  const { site } = description
  const ownWaiting = waiting.filter((one) => one.site === site)
  const ownSave = save?.intent.site === site ? save : null
  const found = measures?.site === site ? measures : null
  const offered = (found?.alsoSites ?? []).filter((one) => ownSave?.intent.alsoSites.includes(one.site) !== true)
  // Nobody watches what is not kept in sync: then it is as it was when the popup opened.
  const isWatched = live !== null && syncs !== null && syncs.length > 0
  const inUse = isWatched ? live.filter((one) => one.site === site) : (sessions?.entries ?? []).flatMap(inUseOf)
  const beginAgain = (over: Partial<SaveIntent>) => {
    if (ownSave !== null) begin({ ...ownSave.intent, openFirst: [], ...over, id: crypto.randomUUID() })
  }
  return (
    <KeptFocus>
      <Header title={site}>
        {description.isPrivate ? <p class="quiet small">{i18n.t("privateWindow")}</p> : null}
        {description.container === null ? null : (
          <p class="quiet small text">{i18n.t("container", [description.container])}</p>
        )}
      </Header>
      {wasTrusted ? null : <FirstRun computer={computer} onTrust={setComputer} />}
      <SaveForm
        key={description.account}
        description={description}
        measures={found}
        known={(sessions?.entries ?? []).map(({ account }) => account)}
        alsoSites={also}
        keep={keep}
        onKeep={() => void keepRulesOf(site).then(setKeep)}
        isBusy={isUnderWay(ownSave)}
        isMain={wasTrusted || isTrustedNow(computer)}
        onSave={begin}
      />
      <SaveStatus
        state={ownSave}
        note={note}
        mayRead={description.mayRead}
        offered={offered[0]?.site ?? null}
        inUse={inUse}
        hasAccounts={(sessions?.entries.length ?? 0) > 1}
        onOpen={(openFirst) => beginAgain({ openFirst })}
        onInclude={(other) => {
          setAlso([...new Set([...also, other])])
          beginAgain({ alsoSites: [...(ownSave?.intent.alsoSites ?? []), other] })
        }}
      />
      <LockCard state={lock} onUnlocked={() => void lookAtSessions()} />
      <EndedSyncs site={site} syncs={syncs ?? []} />
      <SavedSessions
        sessions={sessions}
        isTrusted={wasTrusted || isTrustedNow(computer)}
        tab={{ ...description, id: description.tabId, url: description.tabs[0]?.url ?? "" }}
        alsoSites={also}
        syncs={syncs ?? []}
        onChange={setNote}
        onRemembered={() => void lookAtSessions()}
        onForgotten={(account, canUndo) => {
          if (canUndo) forgotten.current.add(account)
          else forgotten.current.delete(account)
        }}
        onRestored={() => {
          setNote(null)
          void lookAtTab().then(lookAtSyncs)
        }}
        onSwitched={async () => {
          await lookAtSyncs()
          await lookAtSessions()
        }}
      />
      {/* After the sessions, which it would push down. */}
      {sessions === null || found === null ? null : (
        <AlsoSites sites={found.alsoSites} chosen={also} isBusy={isUnderWay(ownSave)} onChoose={setAlso} />
      )}
      {wasTrusted && computer !== null && isAsking(computer) ? (
        <ComputerCard computer={computer} onTrust={setComputer} />
      ) : null}
      {ownWaiting.map((one) => (
        <p key={one.id} class="small card row">
          <span>
            {i18n.t("waiting", 1)} <span class="quiet">{i18n.t("waitingSince", [agoOf(one.since)])}</span>
          </span>
          <button type="button" class="link" onClick={() => void ask("wake", {}).then(lookAtSessions)}>
            {i18n.t("retry")}
          </button>
        </p>
      ))}
      {waiting.length > 0 && ownWaiting.length === 0 ? (
        <p class="small card row">
          <span>{i18n.t("waitingElsewhere", waiting.length)}</span>
          <button type="button" class="link" onClick={openDashboard}>
            {i18n.t("showWaiting")}
          </button>
        </p>
      ) : null}
    </KeptFocus>
  )
}

function isAsking(computer: Computer): boolean {
  return !isTrustedNow(computer) || (computer.isThere && !computer.store.ok)
}

function isTrustedNow(computer: Computer | null): boolean {
  return computer?.isThere === true && computer.trust.state === "trusted"
}

/** Trusting comes first; its place is kept before and after, so that nothing moves under the pointer. */
function FirstRun({ computer, onTrust }: { computer: Computer | null; onTrust: (computer: Computer) => void }) {
  return (
    <div class="first-run">
      {computer === null ? (
        <p class="card small quiet">{i18n.t("lookingForComputer")}</p>
      ) : (
        <ComputerCard computer={computer} onTrust={onTrust} />
      )}
    </div>
  )
}

function KeptFocus({ children }: { children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null)
  useEffect(() => {
    if (main.current === null) return undefined
    return keepFocus(main.current, () => main.current?.querySelector<HTMLElement>("[role=status]") ?? null)
  }, [])
  return <main ref={main}>{children}</main>
}

function openDashboard(): void {
  void browser.tabs.create({ url: browser.runtime.getURL("/dashboard.html") })
}

/** The way to the dashboard is up here, where nothing that comes later moves it. */
function Header({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <header>
      <div class="row top">
        <h1 class="text">{title}</h1>
        <button type="button" class="link small" onClick={openDashboard}>
          {i18n.t("dashboard")}
        </button>
      </div>
      {children}
    </header>
  )
}
