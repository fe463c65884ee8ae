import { utf8ToText } from "../bytes.js"
import { parseName } from "../envelope.js"
import { toPspError, type ErrorCode } from "../errors.js"
import { parseMembers } from "../members.js"
import type { CallOptions } from "../provider.js"
import { parseBase } from "../session-payload.js"
import { damagedStore, isStoreFault } from "./faults.js"
import { newest } from "./load.js"
import { liveRecords } from "./records.js"
import { refresh } from "./refresh.js"
import type { VaultState } from "./state.js"

export interface Defect {
  name: string
  code: ErrorCode
  message: string
}

export interface VerifyReport {
  checked: number
  /** Sound, but past their end: nobody opens them any more. */
  expired: number
  /** Signed by an owner, but sealed to others: saved before this device became an owner. Its inside was not checked. */
  forOthers: number
  defects: Defect[]
}

/** Reads everything and names each defect. */
export async function verify(vault: VaultState, call: CallOptions = {}): Promise<VerifyReport> {
  await refresh(vault, call)
  const report: VerifyReport = { checked: 0, expired: 0, forOthers: 0, defects: [] }
  for await (const { name } of vault.provider.list(`${vault.id}/`, call)) {
    report.checked++
    try {
      await verifyObject(vault, name, call)
    } catch (error) {
      const fault = toPspError(error, "Checking an object")
      if (isStoreFault(fault.code)) throw fault
      if (fault.code === "expired") report.expired++
      else if (fault.code === "not-for-me") report.forOthers++
      else report.defects.push({ name, code: fault.code, message: fault.message })
    }
  }
  for (const record of liveRecords(vault)) {
    try {
      await newest(vault, record, undefined, call)
    } catch (error) {
      const fault = toPspError(error, "Checking a session")
      if (fault.code !== "rolled-back") continue
      report.defects.push({ name: `${vault.id}/sessions/${record.sid}`, code: fault.code, message: fault.message })
    }
  }
  return report
}

async function verifyObject(vault: VaultState, name: string, call: CallOptions): Promise<void> {
  const parsed = parseName(name)
  if (parsed === null) throw damagedStore(name, "its name is none of this project's")
  const bytes = await vault.provider.get(name, call)
  if (bytes === null) throw damagedStore(name, "it was listed, but cannot be read")
  const room = parsed.folder.split("/")[1]
  const opened = await vault.openAs(bytes, room === "members" ? ["member"] : ["base", "delta", "lease", "part"], {
    name,
  })
  if (opened.header.typ === "base") parseBase(opened.plaintext)
  if (opened.header.typ === "member") parseMembers(utf8ToText(opened.plaintext))
}
