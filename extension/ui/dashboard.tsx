import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { printable } from "../../shared/printable.js"
import { ask, type Sessions } from "../messages.js"
import type { SessionName } from "../forget.js"
import type { LostSave } from "../lost-saves.js"
import type { Waiting } from "../outbox.js"
import { grantedOrigins, takeBack } from "../permissions.js"
import type { SyncSetting } from "../sync-settings.js"
import { ownCard } from "../trust.js"
import { AccessHistory } from "./access-history.js"
import { ComputerCard, useComputer, whileWaiting } from "./computer.js"
import { Forget } from "./forget.js"
import { agoOf, dateOf, sizeOf } from "./format.js"
import { HandoffList } from "./handoffs.js"
import { HealthLine, useHealthFacts } from "./health.js"
import { InUseNote } from "./in-use.js"
import { KeepRules } from "./keep-rules.js"
import { useLive } from "./live.js"
import { useLock } from "./lock.js"
import { LockSettings } from "./lock-settings.js"
import { SyncState, useSyncs } from "./sync.js"
import { StoreSettings } from "./store-settings.js"
import { TellAccess } from "./tell-access.js"
import { WaitingSaves } from "./waiting.js"

/** Everything this browser saved, may read and is: also the extension's options page. */
export function Dashboard() {
  const [sessions, setSessions] = useState<Sessions | null>(null)
  const [waiting, setWaiting] = useState<Waiting[]>([])
  const [lost, setLost] = useState<LostSave[]>([])
  const [origins, setOrigins] = useState<string[]>([])
  const [own, setOwn] = useState<{ name: string; fingerprint: string } | null>(null)
  const [note, setNote] = useState("")
  const [computer, setComputer] = useComputer(whileWaiting)
  const [syncs, lookAtSyncs] = useSyncs()
  const live = useLive()
  const [lock, lookAtLock] = useLock()
  const health = useHealthFacts([live, changeOf(syncs)])

  const look = async () => {
    setOrigins(await grantedOrigins())
    setWaiting(await ask("waiting", {}))
    setLost(await ask("lost", {}))
    setSessions(await ask("sessions", { site: null }))
    setOwn(await ownCard())
  }
  useEffect(() => {
    ask("wake", {})
      .then(look)
      .catch((error: unknown) => setNote(i18n.t("failed", [toPspError(error, "Looking at the vault").message])))
  }, [])

  return (
    <main>
      <header>
        <h1>{i18n.t("dashboardTitle")}</h1>
        <p role="status" class="status quiet">
          {note}
        </p>
      </header>
      {sessions === null ? <progress /> : <SessionTable sessions={sessions} onChange={setNote} />}
      {syncs === null || syncs.length === 0 ? null : (
        <section aria-label={i18n.t("syncTitle")}>
          <h2>{i18n.t("syncTitle")}</h2>
          {syncs.map((setting) => (
            <div key={JSON.stringify([setting.site, setting.account])} class="card sync">
              <span>
                <strong class="text">{setting.site}</strong>{" "}
                <span class="quiet text">{printable(setting.account)}</span>{" "}
                <span class="quiet small">{i18n.t(setting.mode === "both" ? "syncBoth" : "syncSave")}</span>
              </span>
              <HealthLine setting={setting} facts={health?.find((one) => isOf(one, setting)) ?? null} />
              <SyncState setting={setting} onChange={setNote} onDone={lookAtSyncs} />
              <InUseNote inUse={(live ?? []).filter((one) => isOf(one, setting))} />
            </div>
          ))}
        </section>
      )}
      <section aria-labelledby="handoffs-title">
        <h2 id="handoffs-title">{i18n.t("givenTitle")}</h2>
        <HandoffList />
      </section>
      <section aria-labelledby="history-title">
        <h2 id="history-title">{i18n.t("historyTitle")}</h2>
        <AccessHistory />
        <TellAccess />
      </section>
      <WaitingSaves waiting={waiting} lost={lost} onChange={look} />
      <section>
        <h2>{i18n.t("permissionsTitle")}</h2>
        {origins.length === 0 ? <p class="quiet">{i18n.t("noPermissions")}</p> : null}
        {origins.map((origin) => (
          <div key={origin} class="row">
            <code class="text">{origin}</code>
            <button
              type="button"
              aria-label={i18n.t("takeBackFor", [origin])}
              onClick={() => void takeBack(origin).then(look)}
            >
              {i18n.t("takeBack")}
            </button>
          </div>
        ))}
      </section>
      <section aria-labelledby="keep-title">
        <h2 id="keep-title">{i18n.t("keepTitle")}</h2>
        <KeepRules />
      </section>
      <section>
        <h2>{i18n.t("computer")}</h2>
        {computer === null ? <progress /> : <ComputerCard computer={computer} onTrust={setComputer} />}
      </section>
      {own === null ? null : (
        <section>
          <h2>{i18n.t("browser")}</h2>
          <div class="card">
            <strong class="text">{own.name}</strong>
            <div class="words small" aria-label={i18n.t("fingerprint")}>
              {own.fingerprint}
            </div>
          </div>
        </section>
      )}
      <section aria-labelledby="lock-title">
        <h2 id="lock-title">{i18n.t("lockTitle")}</h2>
        <LockSettings state={lock} onChange={() => void lookAtLock().then(look)} />
      </section>
      {computer?.isThere === true ? (
        <section aria-labelledby="store-title">
          <h2 id="store-title">{i18n.t("storeTitle")}</h2>
          <StoreSettings isTrusted={computer.trust.state === "trusted"} onChange={look} />
        </section>
      ) : null}
    </main>
  )
}

/** Another text as soon as something is kept in sync that was not before, or fares otherwise. */
function changeOf(syncs: SyncSetting[] | null): string {
  return JSON.stringify((syncs ?? []).map(({ site, account, error, taken }) => [site, account, error?.code, taken?.at]))
}

function isOf(one: SessionName, other: SessionName): boolean {
  return one.site === other.site && one.account === other.account
}

function SessionTable({ sessions, onChange }: { sessions: Sessions; onChange: (text: string) => void }) {
  const { entries, isKnown } = sessions
  if (entries.length === 0) return <p class="quiet">{i18n.t("noSessions")}</p>
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{i18n.t("column.site")}</th>
          <th scope="col">{i18n.t("column.account")}</th>
          <th scope="col">{i18n.t("column.saved")}</th>
          <th scope="col">{i18n.t("column.ends")}</th>
          <th scope="col">{i18n.t("column.size")}</th>
          <th scope="col" aria-label={i18n.t("forget")} />
        </tr>
      </thead>
      <tbody>
        {entries.map(({ sid, site, account, savedAt, expiresAt, bytes }) => (
          <tr key={sid}>
            <td class="text">{site}</td>
            <td class="text">{printable(account)}</td>
            <td>{savedAt === null ? i18n.t(isKnown ? "notStoredYet" : "notKnownNow") : agoOf(savedAt)}</td>
            <td>{expiresAt === null ? "" : dateOf(expiresAt)}</td>
            <td>{bytes === 0 ? "" : sizeOf(bytes)}</td>
            <td class="end">
              <Forget site={site} account={account} onChange={onChange} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
