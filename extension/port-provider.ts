import { utf8ToText } from "../shared/bytes.js"
import { PspError } from "../shared/errors.js"
import { isObjectName, isObjectPrefix, type Provider, type StoredObject } from "../shared/provider.js"
import type { Connection } from "./native-port.js"

/** This computer's store, seen through its native host. Whoever made the connection closes it. */
export function createPortProvider({ hello, request }: Pick<Connection, "hello" | "request">): Provider {
  const { maxObjectBytes } = hello.store
  return {
    ...(maxObjectBytes === undefined ? {} : { maxObjectBytes }),
    async put(name, bytes, { signal, expiresAt } = {}) {
      checkName("store", isObjectName(name))
      const ask = expiresAt === undefined ? { name } : { name, expiresAt }
      await request("put", ask, { body: bytes, signal })
    },
    async get(name, { signal } = {}) {
      checkName("read", isObjectName(name))
      const { answer, body } = await request("get", { name }, { signal })
      return answer.found ? body : null
    },
    async *list(prefix, { signal } = {}) {
      checkName("list", isObjectPrefix(prefix))
      const { body } = await request("list", { prefix }, { signal })
      yield* parseList(body)
    },
    async remove(name, { signal } = {}) {
      checkName("remove", isObjectName(name))
      await request("remove", { name }, { signal })
    },
    async check() {
      const { ok, code = "unreachable", message = "Cannot use the store of this computer" } = hello.store
      if (!ok) throw new PspError(code, message)
    },
  }
}

function parseList(body: Uint8Array): StoredObject[] {
  try {
    const value = JSON.parse(utf8ToText(body)) as unknown
    if (Array.isArray(value) && value.every(isStoredObject)) return value.map(({ name, size }) => ({ name, size }))
  } catch {
    // Told below, like every other list that is none.
  }
  throw new PspError("host-garbled", "Cannot read the native host's answer to list: it is not a list of objects")
}

function isStoredObject(value: unknown): value is StoredObject {
  if (typeof value !== "object" || value === null) return false
  const { name, size } = value as Partial<Record<string, unknown>>
  return isObjectName(name) && typeof size === "number" && Number.isSafeInteger(size) && size >= 0
}

function checkName(doing: string, isGood: boolean): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
}
