import { ErrorReply, MultiErrorReply } from "@redis/client"
import { isPspError, PspError, toPspError, type ErrorCode } from "../shared/errors.js"
import { codeOf } from "./fs-errors.js"

type Fault = [code: ErrorCode, why: string]

/** By the first word of a reply, which is the name of the error; the rest of it may repeat what we sent. */
const replies: Partial<Record<string, Fault>> = {
  OOM: ["full", "has used up its memory; raise its maxmemory or remove sessions"],
  MISCONF: ["full", "cannot write to its own disk and so takes nothing"],
  READONLY: ["unreachable", "is a read-only replica; a failover may be under way"],
  MASTERDOWN: ["unreachable", "is a replica that lost its master"],
  NOREPLICAS: ["unreachable", "has too few replicas to take a write"],
  LOADING: ["unreachable", "is still loading its data"],
  BUSY: ["unreachable", "is busy with a script"],
  TRYAGAIN: ["unreachable", "is moving its keys"],
  CLUSTERDOWN: ["unreachable", "belongs to a cluster that is down"],
  NOAUTH: ["denied", "asks for a password; keep it with psp config set credentials.password"],
  WRONGPASS: ["denied", "does not accept this user and password"],
  NOPERM: ["denied", "does not allow this user what a store needs (see its ACL)"],
  DENIED: ["denied", "takes connections of its own machine only (its protected mode)"],
  WRONGTYPE: ["corrupt", "holds something else under a key of this store"],
  MOVED: ["bad-config", "is a node of a cluster, which this build does not speak; name a server that stands alone"],
  CROSSSLOT: ["bad-config", "is a cluster, which this build does not speak; name a server that stands alone"],
}

/** Errors without a name of their own. */
const sentences: [RegExp, Fault][] = [
  [/^ERR max number of clients/, ["rate-limited", "has as many connections as it takes"]],
  [/^ERR (?:invalid password|AUTH|Client sent AUTH)/, ["denied", "does not accept this user and password"]],
  [/^ERR (?:invalid DB index|DB index)/, ["bad-config", "has no database of that number"]],
]

/** Certificates that are not believed; none of them gets better by trying again. */
const untrusted =
  /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_CA|PATH_LENGTH/

/**
 * What the server, its client library or the network says, as an error with a code of ours; a `PspError` stays as it is.
 * Neither the sentence nor a cause repeats theirs: an unknown command is answered with its arguments, a password among them.
 */
export function typedRedisError(error: unknown, doing: string): PspError {
  if (isPspError(error)) return error
  if (error instanceof TypeError || error instanceof RangeError) return toPspError(error, `Trying to ${doing}`)
  const [code, why] = faultOf(error)
  return new PspError(code, `Cannot ${doing}: the Redis server ${why}`)
}

/** True when the server takes no writes any more: another one may by now have its name. */
export function isReadOnly(error: unknown): boolean {
  return replyOf(error)?.startsWith("READONLY") === true
}

/** For `catch`: null for a question that this user may not ask, or that this server does not know. */
export function ifRefused(error: unknown): null {
  if (/^(?:NOPERM|ERR)\b/.test(replyOf(error) ?? "")) return null
  throw error
}

function faultOf(error: unknown): Fault {
  const reply = replyOf(error)
  if (reply !== null) {
    const [name = ""] = /^[A-Z]{2,20}(?= |$)/.exec(reply) ?? []
    const known = replies[name] ?? sentences.find(([pattern]) => pattern.test(reply))?.[1]
    return known ?? ["denied", `refused (${name || "no name"}); it may be too old, at least 6.2 is expected`]
  }
  const code = codeOf(error)
  if (untrusted.test(code)) {
    return ["denied", `has a certificate that is not trusted (${code}); name the file of its authority in ?ca=`]
  }
  if (/^ERR_SSL|^EPROTO$/.test(code)) return ["bad-config", "does not speak TLS as expected; is it redis: or rediss:?"]
  if (code !== "") return ["unreachable", `cannot be reached (${code})`]
  return ["unreachable", "closed the connection or did not answer"]
}

function replyOf(error: unknown): string | null {
  if (error instanceof MultiErrorReply) return replyOf(error.replies[error.errorIndexes[0] ?? 0])
  return error instanceof ErrorReply ? error.message : null
}
