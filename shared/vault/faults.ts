import { PspError, type ErrorCode } from "../errors.js"

/** True for a fault of the store or the call, which says nothing about the object. */
export function isStoreFault(code: ErrorCode): boolean {
  return ["unreachable", "denied", "full", "rate-limited", "aborted", "internal"].includes(code)
}

export function damagedStore(name: string, what: string): PspError {
  return new PspError("corrupt", `Cannot read object ${name.slice(-100)} of the store: ${what}`)
}
