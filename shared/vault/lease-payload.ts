import { utf8 } from "../bytes.js"
import { PspError } from "../errors.js"
import { parsePayload } from "../payload.js"

/** What a lease says; who says it is its signature's matter. The plaintext is its JSON, with `kind` and `v` before it. */
export interface LeaseSays {
  /** 16 hex digits, the same through all renewals. */
  id: string
  /** What uses the session, for people. */
  tool: string
  /** ms since epoch. */
  until: number
  released: boolean
  /** Ids of leases that it takes the place of: whose they are takes no notice of an advisory word, so others must. */
  takes: string[]
}

/** No lease is longer (ms): whoever goes away without a word blocks nobody for longer. */
export const maxLease = 24 * 60 * 60 * 1000
const longestTool = 100
const mostTaken = 256

export function leasePlaintext(says: LeaseSays): Uint8Array {
  const { id, tool, until, released, takes } = says
  const kept = { id, tool: tool.slice(0, longestTool), until, released, takes: takes.slice(0, mostTaken) }
  return utf8(JSON.stringify({ kind: "lease", v: 1, ...kept }))
}

/** @param madeAt when it was sealed (ms since epoch) @throws `damaged`, `too-new` */
export function parseLease(bytes: Uint8Array, madeAt: number): LeaseSays {
  const damaged = new PspError("damaged", "Cannot read a lease: what was sealed is not as expected")
  const { id, tool, until, released, takes } = parsePayload(bytes, "lease", "a lease")
  if (!isLeaseId(id) || typeof released !== "boolean") throw damaged
  if (typeof tool !== "string" || tool.length > longestTool) throw damaged
  if (typeof until !== "number" || !Number.isSafeInteger(until) || until > madeAt + maxLease) throw damaged
  if (!Array.isArray(takes) || takes.length > mostTaken || !takes.every(isLeaseId)) throw damaged
  return { id, tool, until, released, takes }
}

function isLeaseId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value)
}
