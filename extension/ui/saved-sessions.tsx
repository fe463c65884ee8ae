import { printable } from "../../shared/printable.js"
import { i18n } from "../i18n.js"
import type { ListedSession, Sessions } from "../messages.js"
import { Forget } from "./forget.js"
import { agoOf, dateOf } from "./format.js"
import { LoginCheckForm } from "./login-check.js"
import { openHandOff } from "./route.js"
import { RestoreHere } from "./restore-here.js"
import type { SyncSetting } from "../sync-settings.js"
import { SyncSwitch } from "./sync.js"

interface SavedSessionsProps {
  /** Null until they were asked for. */
  sessions: Sessions | null
  /** The tab the popup is about. */
  tab: { id: number; url: string; mayRead: boolean; storeId: string; isPrivate: boolean; account: string }
  /** Something can be handed off from here. */
  isTrusted: boolean
  /** Other sites that are saved with it. */
  alsoSites: string[]
  syncs: SyncSetting[]
  onChange: (text: string) => void
  /** What is remembered of a session has changed. */
  onRemembered: () => void
  onSwitched: () => Promise<void>
  /** This browser has another account now. */
  onRestored: () => void
  onForgotten: (account: string, canUndo: boolean) => void
}

/** What is saved of a site. The place of one is kept while there is none, so that the first save moves nothing. */
export function SavedSessions({ sessions, ...rest }: SavedSessionsProps) {
  return (
    <section aria-label={i18n.t("savedSession")}>
      {sessions === null || sessions.entries.length === 0 ? (
        <p class="card session small quiet">{sessions === null ? "" : i18n.t("noneSaved")}</p>
      ) : (
        sessions.entries.map((session) => (
          <SavedSession key={session.sid} session={session} isKnown={sessions.isKnown} {...rest} />
        ))
      )}
    </section>
  )
}

/**
 * Those that were shown stay where they are, new ones come after them: no other Forget slips under the pointer.
 *
 * @param forgotten accounts that can be brought back here: they stay, though a look that comes late does not find them
 */
export function inSeenOrder(
  before: ListedSession[],
  found: ListedSession[],
  forgotten: ReadonlySet<string>,
): ListedSession[] {
  const isGone = ({ account }: ListedSession) => !found.some((other) => other.account === account)
  const now = [...found, ...before.filter((session) => forgotten.has(session.account) && isGone(session))]
  const placeOf = ({ account }: ListedSession) => {
    const place = before.findIndex((seen) => seen.account === account)
    return place === -1 ? before.length : place
  }
  return now.toSorted((one, other) => placeOf(one) - placeOf(other))
}

interface SavedSessionProps extends Omit<SavedSessionsProps, "sessions"> {
  session: ListedSession
  isKnown: boolean
}

function SavedSession(props: SavedSessionProps) {
  const {
    session,
    isKnown,
    isTrusted,
    tab,
    alsoSites,
    syncs,
    onChange,
    onRemembered,
    onSwitched,
    onRestored,
    onForgotten,
  } = props
  const setting = syncs.find((one) => one.site === session.site && one.account === session.account) ?? null
  const isOn = setting !== null
  const { site, account, savedAt, expiresAt, check } = session
  return (
    <div class="card session">
      <div class="row">
        <span class="small">
          <strong class="text">{printable(account)}</strong>
          <br />
          <span class="quiet">
            {savedAt === null ? i18n.t(isKnown ? "notStoredYet" : "notKnownNow") : i18n.t("savedAgo", [agoOf(savedAt)])}
            {expiresAt === null ? "" : `, ${i18n.t("endsOn", [dateOf(expiresAt)])}`}
          </span>
        </span>
        <span class="actions">
          {isTrusted && isKnown && savedAt !== null ? (
            <button type="button" onClick={() => openHandOff({ site, account })}>
              {i18n.t("handOff")}
            </button>
          ) : null}
          <Forget {...{ site, account, onChange }} onForgotten={(canUndo) => onForgotten(account, canUndo)} />
        </span>
      </div>
      {/* Of a private window nothing is remembered, so nothing can be compared; another account is not what is logged in here. */}
      {tab.isPrivate || (account !== tab.account && !isOn) ? null : (
        <SyncSwitch {...{ site, account, alsoSites, onChange, onSwitched, storeId: tab.storeId }} setting={setting} />
      )}
      {/* What is kept in sync here is here. */}
      {tab.isPrivate || isOn || savedAt === null ? null : (
        <RestoreHere {...{ site, account }} storeId={tab.storeId} onDone={onRestored} />
      )}
      <LoginCheckForm {...{ site, account, check, tab, onChange }} onDone={onRemembered} />
    </div>
  )
}
