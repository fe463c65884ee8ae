import { utf8ToText } from "./bytes.js"
import { PspError } from "./errors.js"

/**
 * Reads what one of our versions wrote as JSON: an object with `"v":1` and the kind that is asked for. All other keys are the
 * caller's to check; those that it does not know it leaves aside, so that later versions can add some.
 *
 * @param what it is, in words for the error: "an event"
 * @throws `damaged`, `too-new`
 */
export function parsePayload(json: Uint8Array | string, kind: string, what: string): Partial<Record<string, unknown>> {
  const damaged = (found: string) => new PspError("damaged", `Cannot read ${what}: what was sealed is ${found}`)
  let value: unknown
  try {
    value = JSON.parse(typeof json === "string" ? json : utf8ToText(json))
  } catch {
    throw damaged("not JSON")
  }
  const payload = (value ?? {}) as Partial<Record<string, unknown>>
  if (typeof payload["v"] === "number" && payload["v"] > 1) {
    throw new PspError("too-new", `Cannot read ${what}: a newer version wrote it; update this one`)
  }
  if (payload["kind"] !== kind || payload["v"] !== 1) throw damaged("something else")
  return payload
}
