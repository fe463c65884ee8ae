import { PspError } from "../errors.js"
import { nameOfField } from "../field-names.js"
import { guardLogin } from "../login-guard.js"
import type { LoginVerdict } from "../login-check.js"
import { livesOf, merge, stateOf, type Live, type Register, type SessionState } from "../merge.js"
import { changesOf, comparedText, type KnownFields } from "../merge/changes.js"
import { composeSnapshot, frameOf } from "../merge/compose.js"
import { idOf, pathOf, type Field, type FieldId, type Fields } from "../merge/fields.js"
import { admit } from "../merge/rules.js"
import { saidBy, seenIn } from "../merge/seen.js"
import { hasEnded } from "../merge/stamps.js"
import { recordAccess, recordRefusal } from "../record-access.js"
import type { Gap, Kind, RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import { defaultAccount } from "../site.js"
import { tidyGaps } from "../tidy-gaps.js"
import type { EventSays, LoadedSession, Vault } from "../vault.js"
import { inTime } from "../vault/merged.js"
import type { RestoreOptions } from "./adapter.js"
import { kindsIn } from "./diff.js"
import { startAutosave, type Autosave, type AutosaveOptions } from "./autosave.js"
import { countsAsChange, tellChanges, type SavedChange, type RefusedChange } from "./session-report.js"
import type { SessionTool } from "./session-tool.js"

export type { Autosave, AutosaveOptions } from "./autosave.js"
export type { RefusedChange, SavedChange } from "./session-report.js"

/** One session of the vault, while an automation works with it: what its visits change can go back. */
export interface Session<Target> {
  readonly site: string
  readonly account: string
  /** As it was last loaded or saved. */
  readonly snapshot: Snapshot
  /** As the adapter's `restore`; it also remembers what the target shows then, so that `save` knows what changed. */
  restore(target: Target, options?: RestoreOptions): Promise<RestoreReport>
  /**
   * Captures the session again, seals what changed since it was restored or last saved, and nothing else, and puts that into the
   * vault. What could not be restored or captured is not taken for deleted. One save at a time.
   *
   * @throws `logged-out` when the target is not logged in any more (unless `force`): the saved state stays; `usage` for a target into
   *   which this session was not restored; `not-granted` for a bot that may only read; what a capture throws, and the store's codes.
   *   After any error the next save tries all of it again
   */
  save(target: Target, options?: SaveOptions): Promise<SaveReport>
  /** Saves every `everyMs`, until it is ended or called off, or the target closes. @throws `usage` as `save` does */
  autosave(target: Target, options: AutosaveOptions): Autosave
  /**
   * Loads what others saved meanwhile, into `snapshot`; a target stays as it is until the session is restored into it again.
   *
   * @returns what is not as it was, by name
   * @throws `not-found` when the session is no more, and what loading throws
   */
  refresh(): Promise<SavedChange[]>
}

export interface OpenOptions {
  /** The person's label for one of several logins; `default` unless told. */
  account?: string
  signal?: AbortSignal
}

export interface SaveOptions {
  signal?: AbortSignal
  /** ms that any one step may take; 30 s unless told. */
  timeoutMs?: number
  /** Saves also what looks logged out. */
  force?: boolean
}

export interface SaveReport {
  /** False: nothing changed, and nothing was written. */
  saved: boolean
  changes: SavedChange[]
  /** Sealed and sent, but of no effect until the person takes it. */
  refused: RefusedChange[]
  /** What could not be captured. */
  gaps: Gap[]
  /** Whether one is logged in, where the session remembers how that looks and there was something to save. */
  check?: LoginVerdict
}

/** What a session needs of its vault; `record` leaves in the access history what is done with it. */
export type SessionVault = Pick<Vault, "isOwner" | "loadSession" | "prepareChanges" | "commit" | "record">

/** What a target showed when the session was put into it or last saved from it. */
interface Shown {
  /**
   * The session as the target has it, whatever others saved since: a token that rotates there is of the login that was restored,
   * also when the person has logged in anew meanwhile.
   */
  lives: ReadonlyMap<FieldId, Live>
  fields: Fields
  snapshot: Snapshot
}

/**
 * Opens a session of the vault for work with one tool. That it was opened, restored and saved is left in the access history; where
 * that could not be, the next report says so.
 *
 * @throws `not-found` when nothing is there for this identity, and what loading throws
 */
export async function openSession<Target extends object>(
  vault: SessionVault,
  site: string,
  { account, signal }: OpenOptions,
  tool: SessionTool<Target>,
): Promise<Session<Target>> {
  const load = async (): Promise<LoadedSession> => {
    const call = { ...(account !== undefined && { account }), ...(signal && { signal }) }
    const loaded = await vault.loadSession(site, call)
    if (loaded !== null) return loaded
    throw new PspError("not-found", `Cannot open session of ${site}: nothing is saved there for this identity`)
  }
  const about = { site, account: account ?? defaultAccount, tool: tool.name }
  const refused = async (error: unknown) => {
    await recordRefusal(vault, about, error)
    throw error
  }
  let loaded = await load().catch(refused)
  const untold: Gap[] = []
  const record = async (event: Pick<EventSays, "kind" | "names">) => {
    const why = await recordAccess(vault, { ...about, ...event })
    if (why !== null) untold.push({ kind: "site", where: site, what: "access history", why, fix: "", count: 1 })
  }
  /** Told with the next report, once. */
  const told = (gaps: Gap[]): Gap[] => [...gaps, ...tidyGaps(untold.splice(0))]
  await record({ kind: "opened" })
  let state = loaded.state()
  let snapshot = loaded.snapshot
  const shown = new WeakMap<Target, Shown>()
  const inTurn = createTurns()

  const capture = async (target: Target, kinds: readonly Kind[], options: SaveOptions) => {
    const [first, ...alsoSites] = snapshot.sites
    const origins = (snapshot.origins ?? []).flatMap(({ origin, partition }) => (partition === null ? [origin] : []))
    const { signal, timeoutMs } = options
    const limits = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
    const wanted = { site: first, alsoSites, account: snapshot.account, kinds, origins, ...limits }
    return tool.capture(target, wanted)
  }

  const restore = async (target: Target, options: RestoreOptions = {}): Promise<RestoreReport> => {
    shown.delete(target)
    const report = await tool.restore(target, snapshot, options, async () => {
      // Before the site is asked for anything: what it changes from now on is news. sessionStorage waits for a tab.
      const kinds = savedKinds(snapshot).filter((kind) => kind !== "sessionStorage")
      const captured = await capture(target, kinds, options)
      const lives = livingIn(state)
      const { seen } = seenIn(fieldsIn(lives), captured)
      shown.set(target, { lives, fields: seen, snapshot: captured })
    })
    await record({ kind: "restored" })
    return { ...report, gaps: told(report.gaps) }
  }

  const lookAt = async (target: Target, before: Shown, options: SaveOptions) => {
    const captured = await capture(target, savedKinds(snapshot), options)
    const known = fieldsIn(before.lives)
    const { seen, gaps } = seenIn(known, captured)
    const said = onlyNamed(saidBy(known, before.fields, seen, captured.capturedAt), loaded.names)
    const told = composeSnapshot(frameOf(captured), said).snapshot
    const { changed } = changesOf(knownOf(before.lives), told, { stamp: { clock: "", writer: "" }, digestOf: String })
    return { captured, seen, told, gaps, hasChanged: changed.some(countsAsChange) }
  }

  const save = async (target: Target, options: SaveOptions = {}): Promise<SaveReport> => {
    const before = shown.get(target)
    if (before === undefined) throw notRestored(site)
    const nothing = { saved: false, changes: [], refused: [] }
    let look = await lookAt(target, before, options)
    const gapsOf = () => tidyGaps([...look.captured.report.gaps, ...look.gaps])
    if (!look.hasChanged) return { ...nothing, gaps: gapsOf() }
    const guard = { isForced: options.force === true, before: before.snapshot, fix: guardFix }
    const check = snapshot.check ?? null
    const asked = (captured: Snapshot) => tool.look(target, captured, options)
    const { verdict } = await guardLogin(look.captured, check, { ...guard, look: asked })
    if (verdict !== null) {
      // The site was asked, and may have rotated a token: what was captured before that may be dead by now.
      look = await lookAt(target, before, options)
      await guardLogin(look.captured, check, guard)
    }
    const withCheck = verdict === null ? {} : { check: verdict }
    const preparing = vault.prepareChanges(look.told, {
      known: knownOf(before.lives),
      digestOf: String,
      // What the person keeps for a while only is not kept longer because it rotated.
      endOf: (path) => before.lives.get(idOf(path))?.expiresAt ?? null,
    })
    const { changed, clock, prepared } = await preparing.catch(refused)
    if (prepared === null) return { ...nothing, gaps: gapsOf(), ...withCheck }
    await vault.commit(prepared, { ...(options.signal && { signal: options.signal }) })
    const terms = { sites: snapshot.sites, kinds: "all", isOwner: vault.isOwner, clock, now: Date.now() } as const
    const { admitted, refused: held } = admit(changed, terms)
    shown.set(target, { lives: changedBy(before.lives, changed), fields: look.seen, snapshot: look.captured })
    state = merge(state, stateOf(admitted))
    snapshot = composeSnapshot(frameOf(loaded.snapshot), fieldsIn(livingIn(state), inTime)).snapshot
    const changes = tellChanges(before.lives, changed, held)
    await record({ kind: "saved", names: namesOf(changes) })
    return { saved: true, ...changes, gaps: told(gapsOf()), ...withCheck }
  }

  const refresh = async (): Promise<SavedChange[]> => {
    const next = await load()
    const [before, now] = [livingIn(state), livingIn(next.state())]
    ;[loaded, state, snapshot] = [next, next.state(), next.snapshot]
    const gone = [...before.values()].filter(({ field }) => !now.has(field))
    const news = [...now.values()].filter((live) => textOf(before.get(live.field)) !== textOf(live))
    const deleted = gone.map(({ field, clock, writer }) => ({ field, clock, writer, deleted: true as const }))
    return tellChanges(before, [...news, ...deleted], []).changes
  }

  return {
    site: loaded.site,
    account: loaded.account,
    get snapshot() {
      return snapshot
    },
    restore: (target, options) => inTurn(() => restore(target, options)),
    save: (target, options) => inTurn(() => save(target, options)),
    refresh: () => inTurn(refresh),
    autosave(target, options) {
      if (!shown.has(target)) throw notRestored(site)
      const onClose = (listener: () => void) => tool.onClose(target, listener)
      return startAutosave((call) => inTurn(() => save(target, call)), options, onClose)
    },
  }
}

/** What changed, in words that hold no value. */
function namesOf({ changes, refused }: Pick<SaveReport, "changes" | "refused">): string[] {
  return [
    ...changes.map(({ change, what, where }) => `${change} ${what} (${where})`),
    ...refused.map(({ what, where }) => `sent, of no effect yet: ${what} (${where})`),
  ]
}

const guardFix = "log in again, or save with force: true"

function notRestored(site: string): PspError {
  const why = "this session was not restored into it, so nobody knows what changed"
  return new PspError(
    "usage",
    `Cannot save session of ${site}: ${why}; restore it with the session's own restore first`,
  )
}

/** What the bot's browser shows of itself is not the person's, so the browser context is never saved. */
function savedKinds(snapshot: Snapshot): Kind[] {
  const kinds = new Set([...kindsIn(snapshot), ...(Object.keys(snapshot.report.captured) as Kind[])])
  return [...kinds].filter((kind) => kind !== "context")
}

/** A bot says nothing of what it was not granted, though its browser has that, too. */
function onlyNamed(fields: Fields, names: readonly string[] | null): Fields {
  if (names === null) return fields
  const isGranted = (name: string | null) => name === null || names.includes(name)
  return new Map([...fields].filter(([id]) => isGranted(nameOfField(pathOf(id)))))
}

function livingIn(state: SessionState): ReadonlyMap<FieldId, Live> {
  const now = Date.now()
  const living = [...livesOf(state)].filter(([, live]) => live.value !== undefined && !hasEnded(live, now))
  return new Map(
    living.sort(([, a], [, b]) => tabsFirst(a) - tabsFirst(b) || a.rank - b.rank || (a.field < b.field ? -1 : 1)),
  )
}

/** What a target has after its changes, also those that wait for the person elsewhere. */
function changedBy(lives: ReadonlyMap<FieldId, Live>, changed: Register[]): ReadonlyMap<FieldId, Live> {
  const next = new Map(lives)
  for (const register of changed) {
    if ("deleted" in register) next.delete(register.field)
    else next.set(register.field, register)
  }
  return next
}

/** In the order in which a snapshot has its tabs, so that two that look alike are not taken for each other. */
function tabsFirst({ field }: Live): number {
  return field.startsWith('["tab",') ? 0 : 1
}

function fieldsIn(lives: ReadonlyMap<FieldId, Live>, valueOf = ({ value }: Live): unknown => value): Fields {
  return new Map([...lives].map(([id, live]): [FieldId, Field] => [id, { value: valueOf(live), rank: live.rank }]))
}

function knownOf(lives: ReadonlyMap<FieldId, Live>): KnownFields {
  return new Map(
    [...lives].map(([id, live]) => {
      const { clock, writer, born } = live
      return [id, { clock, writer, born, digest: textOf(live) }]
    }),
  )
}

function textOf(live: Live | undefined): string {
  return live === undefined ? "" : comparedText(live.value)
}

/** Runs one after the other, whatever becomes of the one before. */
function createTurns(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }
}
