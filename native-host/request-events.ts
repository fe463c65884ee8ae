import type { ErrorCode } from "../shared/errors.js"
import type { Head, Hello, Request, RequestType } from "../shared/protocol.js"
import { digestIn, type Reply } from "./handlers.js"
import type { LogEvent } from "./host-log.js"
import { knownStoreKind } from "./stores.js"

/** Whatever the head holds, the log gets words of ours. */
export function endEvent(
  head: Head,
  { bytes, ms, code }: { bytes: number; ms: number; code: ErrorCode | null },
): LogEvent {
  const object = digestIn(head["name"])
  return {
    event: "end",
    type: typeOf(head),
    ...(object === null ? {} : { object }),
    bytes,
    ms: Math.round(ms),
    ...(code === null ? {} : { code }),
  }
}

/** null for every other request. */
export function helloEvent(request: Request, answer: Reply["answer"]): LogEvent | null {
  if (request.type !== "hello" || !isHello(answer)) return null
  const { kind, code } = answer.store
  return {
    event: "hello",
    protocol: request.protocol,
    version: /^\d{1,4}(?:\.\d{1,4}){1,3}$/.test(request.version) ? request.version : null,
    store: knownStoreKind(`${kind}:`),
    ...(code === undefined ? {} : { code }),
  }
}

function isHello(answer: Reply["answer"]): answer is Hello {
  return "protocol" in answer
}

/** The compiler asks for every one. */
const types: Record<RequestType, true> = {
  hello: true,
  put: true,
  get: true,
  list: true,
  remove: true,
  watch: true,
  offer: true,
  store: true,
  credentials: true,
  "set-store": true,
}

function typeOf({ type }: Head): RequestType | "unknown" {
  return isRequestType(type) ? type : "unknown"
}

function isRequestType(type: unknown): type is RequestType {
  return typeof type === "string" && Object.hasOwn(types, type)
}
