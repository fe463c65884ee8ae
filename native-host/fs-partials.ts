import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { isRunning } from "./processes.js"

/** Where a folder store keeps what is being written: `<machine>-<process>-<random>`. */
export const partialFolder = ".partial"
/** A temporary of another machine is stale after this long (ms); one of this machine when its process is gone. */
const staleAfter = 60 * 60 * 1000

export function newPartialName(): string {
  return `${machine()}-${process.pid}-${randomUUID()}`
}

/** True when whoever wrote this temporary is gone. */
export function isStalePartial(name: string, mtimeMs: number): boolean {
  if (Date.now() - mtimeMs > staleAfter) return true
  const [, owner, pid] = /^([A-Za-z0-9]*)-(\d+)-/.exec(name) ?? []
  return owner === machine() && !isRunning(Number(pid))
}

/** This machine, in the name of a temporary. */
function machine(): string {
  return hostname()
    .replace(/[^A-Za-z0-9]/g, "")
    .slice(0, 32)
}
