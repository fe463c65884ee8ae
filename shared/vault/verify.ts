import { parseName, type OpenedEnvelope } from "../envelope.js"
import { isPspError } from "../errors.js"
import { laterClock, type Clock } from "../hlc.js"
import type { CallOptions } from "../provider.js"
import { copyIds } from "./copies.js"
import { checkObject, type Finding } from "./check-object.js"
import { defectOf, type Defect } from "./defect.js"
import { missingMark, withheld, type Shown } from "./marks.js"
import { isPartName } from "./parts.js"
import { liveRecords } from "./records.js"
import { membersFolder, refresh } from "./refresh.js"
import type { VaultState } from "./state.js"
import { isEventName, isLeaseName, sessionFolder, toStored } from "./stored.js"

export interface VerifyReport {
  /** Objects that were read. */
  checked: number
  /** Sound, but past their end: nobody opens them any more. */
  expired: number
  /** Signed by an owner, but sealed to others: a bot's copy, or saved before this device became an owner. Its inside was not checked. */
  forOthers: number
  /** Left over by a save or removal that broke off: `compact` removes them. */
  unneeded: number
  /** Sound, but of sessions that no list of sessions names, so that nobody is shown them: saving there again names them. */
  unlisted: number
  defects: Defect[]
}

export interface VerifyOptions extends CallOptions {
  /** Told after each object; asking for it costs one more list of the store. */
  onProgress?: (progress: VerifyProgress) => void
}

export interface VerifyProgress {
  checked: number
  /** Objects when the look began. */
  total: number
  /** Bytes of what was checked, and of all. */
  bytes: number
  totalBytes: number
  defects: number
}

/**
 * Reads everything and names each defect. One object is held at a time, so a large vault needs no more memory than a small
 * one. What is expired, sealed to others or merely unneeded is counted and no defect.
 *
 * @throws the provider's codes, `aborted` included
 */
export async function verify(vault: VaultState, { onProgress, ...call }: VerifyOptions = {}): Promise<VerifyReport> {
  const report: VerifyReport = { checked: 0, expired: 0, forOthers: 0, unneeded: 0, unlisted: 0, defects: [] }
  for await (const defect of vault.provider.audit?.(call) ?? []) report.defects.push(defect)
  await refreshReadable(vault, call)
  const progress = { checked: 0, total: 0, bytes: 0, totalBytes: 0, defects: 0 }
  if (onProgress !== undefined) {
    for await (const { size } of vault.provider.list(`${vault.id}/`, call)) {
      progress.total++
      progress.totalBytes += size
    }
  }
  const marks = structuredClone(vault.remembered.marks)
  const shown = createShown(vault)
  const removedAt = removals(vault)
  const unlisted = createUnlisted(vault)
  let session = createSessionCheck("")
  for await (const { name, size } of vault.provider.list(`${vault.id}/`, call)) {
    call.signal?.throwIfAborted()
    const folder = name.split("/").slice(0, 3).join("/")
    if (folder !== session.folder) {
      report.defects.push(...session.missing())
      shown.addSession(session.folder, session.shown, marks)
      session = createSessionCheck(folder)
    }
    const finding = await checkObject(vault, name, call)
    if (!isEventName(name)) session.add(vault, name, finding)
    if (finding.kind === "gone") continue
    report.checked++
    if (!isEventName(name)) shown.add(name)
    if (finding.kind === "expired") report.expired++
    if (finding.kind === "for-others") report.forOthers++
    if (finding.kind === "sound") unlisted.add(name)
    if (session.isUnneeded(name, finding) || isOfRemoved(removedAt, name, finding)) report.unneeded++
    if ("defect" in finding) report.defects.push(finding.defect)
    onProgress?.({
      ...progress,
      checked: (progress.checked = report.checked),
      bytes: (progress.bytes += size),
      defects: report.defects.length,
    })
  }
  shown.addSession(session.folder, session.shown, marks)
  report.defects.push(...session.missing(), ...shown.rolledBack())
  // Their list may have come while this was looking.
  if (unlisted.count() > 0) await refreshReadable(vault, call)
  report.unlisted = unlisted.count()
  return report
}

async function refreshReadable(vault: VaultState, call: CallOptions): Promise<void> {
  await refresh(vault, call).catch((error: unknown) => {
    // One is met as an object, under its name; the other is named at the end.
    if (!isPspError(error, "too-new") && !isPspError(error, "rolled-back")) throw error
  })
}

/** Objects of sessions that have no entry, not even one that says "removed": what was saved since is found by that one. */
function createUnlisted(vault: VaultState) {
  const sids: string[] = []
  return {
    add(name: string): void {
      const [, room, sid] = name.split("/")
      if (room === "sessions" && sid !== undefined) sids.push(sid)
    },
    count(): number {
      const { members, granted } = vault.remembered
      const { live, dead } = copyIds(vault, vault.now())
      const told = [...(members?.sessions ?? []), ...(granted?.grants ?? [])].map(({ sid }) => sid)
      const listed = new Set([...told, ...live, ...dead])
      return sids.filter((sid) => !listed.has(sid)).length
    },
  }
}

/** What the names of the store tell, beside what this device remembers. */
function createShown(vault: VaultState) {
  const latest = new Map<string, Clock>()
  const behind = new Set<string>()
  const records = new Map(liveRecords(vault).map((record) => [record.sid, record]))
  const keep = (key: string, clock: Clock) => latest.set(key, laterClock(latest.get(key) ?? null, clock) ?? clock)
  const own = membersFolder(vault, vault.recipientId)
  return {
    add(name: string): void {
      const parsed = parseName(name)
      if (parsed === null || isPartName(name) || isLeaseName(name) || vault.authorOf(parsed) === null) return
      if (name.startsWith(own)) keep(`${own}${parsed.writer}`, parsed.clock)
      else keep(`${parsed.folder}/`, parsed.clock)
    },
    /** @param marks as they were before the store was looked at: what this device put since may not have been listed */
    addSession(folder: string, objects: Shown[], marks: VaultState["remembered"]["marks"]): void {
      const record = records.get(folder.split("/")[2] ?? "")
      if (record === undefined) return
      if (withheld(marks[record.sid] ?? {}, record.clock, objects, vault.now()).length > 0) behind.add(`${folder}/`)
    },
    rolledBack(): Defect[] {
      const { remembered } = vault
      const sessions = liveRecords(vault)
        .map(({ sid }) => ({ sid, folder: sessionFolder(vault, sid) }))
        .filter(
          ({ sid, folder }) =>
            behind.has(folder) || missingMark(remembered, sid, latest.get(folder) ?? null, vault.now()) !== null,
        )
      // A device's newest member envelope stays until that device writes another one, or is removed.
      const members = Object.entries(remembered.marks[vault.recipientId] ?? {}).filter(
        ([writer, { clock, exp = Infinity }]) =>
          exp > vault.now() && vault.owners().has(writer) && (latest.get(`${own}${writer}`) ?? "") < clock,
      )
      return [
        ...sessions.map(({ folder }) => defectOf("rolled-back", folder.slice(0, -1))),
        ...members.slice(0, 1).map(() => defectOf("rolled-back", own.slice(0, -1))),
      ]
    },
  }
}

/** What the objects of one folder say about each other. */
function createSessionCheck(folder: string) {
  const parts = new Set<string>()
  const headers = new Set<string>()
  const covered = new Set<string>()
  const named: { by: string; writer: string; header: string }[] = []
  const shown: Shown[] = []

  function addOpened({ header, headerId }: Pick<OpenedEnvelope, "header" | "headerId">): void {
    headers.add(headerId)
    if (header.typ === "base") for (const writer of [header.writer, ...Object.keys(header.seen)]) covered.add(writer)
  }

  return {
    folder,
    /** Of owners, as far as names tell. */
    shown,
    add(vault: VaultState, name: string, finding: Finding): void {
      for (const part of finding.parts) parts.add(part)
      const stored = toStored(name, 0)
      if (stored !== null && vault.authorOf(stored) !== null) {
        const { writer, clock } = stored
        const opened = "opened" in finding ? finding.opened : null
        shown.push({ writer, clock, opened: opened && { id: opened.headerId, seen: opened.header.seen } })
      }
      // What bots read only bots can open; a bot's change names it all the same.
      if (finding.kind === "sound" || finding.kind === "for-others") addOpened(finding.opened)
      if (finding.kind !== "sound" || finding.opened.header.typ === "base") return
      const seen = Object.entries(finding.opened.header.seen)
      named.push(...seen.map(([writer, mark]) => ({ by: name, writer, header: mark })))
    },
    /** A part that no list names; lists sort before their parts. */
    isUnneeded: (name: string, { kind }: Finding) => kind === "part" && isPartName(name) && !parts.has(name),
    /**
     * What an envelope has seen must be there, unless a base may have covered it: then it may have been compacted, also
     * by a base that came and went since. So only a writer whom no base mentions is certain to be missing something.
     */
    missing: (): Defect[] =>
      named
        .filter(({ writer, header }) => !headers.has(header) && !covered.has(writer))
        .map(({ by }) => ({
          ...defectOf("missing", by),
          message: "It names an envelope that the store does not show",
        })),
  }
}

/** When each removed session was removed; a copy for bots that no grant names any more is nobody's for ever. */
function removals(vault: VaultState): Map<string, Clock> {
  const removed = (vault.remembered.members?.sessions ?? []).filter((record) => record.removed)
  const dead = [...copyIds(vault, vault.now()).dead].map((copy) => [copy, afterAll] as const)
  return new Map([...removed.map(({ sid, clock }) => [sid, clock] as const), ...dead])
}

/** Later than every stamp there can be. */
const afterAll: Clock = "f".repeat(16)

function isOfRemoved(removedAt: Map<string, Clock>, name: string, { kind }: Finding): boolean {
  const clock = removedAt.get(name.split("/")[2] ?? "")
  return clock !== undefined && kind !== "defect" && (parseName(name)?.clock ?? clock) < clock
}
