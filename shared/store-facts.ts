import type { StoreWarning } from "./provider.js"

/** Which store a computer uses, as its host tells: never a credential, and never an address with one in it. */
export interface StoreFacts {
  /** As `psp config get` shows it; "…" stands for what may be a secret. */
  address: string
  /** Where the choice comes from: PSP_STORE, the configuration, or neither (the folder in PSP_HOME). */
  source: "variable" | "config" | "default"
  credentials: CredentialFact[]
  /** What the last trial of this very address found; null when it was never tried, or set without a trial. */
  trial: StoreTrial | null
}

/**
 * One credential that a store can be given, by its name. `kept`: in credentials.json. `given`: by the address or a variable.
 * `missing`: the store cannot be opened without it. `none`: not kept, and perhaps not needed.
 */
export interface CredentialFact {
  name: string
  state: (typeof credentialStates)[number]
}

export interface StoreTrial {
  /** ms since epoch. */
  at: number
  isCreateOnly: boolean
  /** Bytes. */
  maxObjectBytes: number
  warnings: StoreWarning[]
}

const credentialStates = ["kept", "given", "missing", "none"] as const
const sources = ["variable", "config", "default"] as const
const maxAddressLength = 2000
const maxEntries = 20

/** True for what may be an address; whether it is one, who opens it finds out. */
export function isAddressText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= maxAddressLength && !/\p{Cc}/u.test(value)
}

/** null for what is not as expected; keys it does not know are left aside. */
export function parseStoreFacts(value: Record<string, unknown>): StoreFacts | null {
  const { address } = value
  const source = sources.find((known) => known === value["source"])
  const credentials = parseCredentialFacts(value["credentials"])
  const trial = value["trial"] === null ? null : parseStoreTrial(value["trial"])
  if (!isAddressText(address) || source === undefined || credentials === null) return null
  return { address, source, credentials, trial }
}

/** null for what is not as expected. */
export function parseCredentialFacts(value: unknown): CredentialFact[] | null {
  if (!Array.isArray(value) || value.length > maxEntries) return null
  const facts = value.map(parseCredentialFact)
  return facts.every((fact) => fact !== null) ? facts : null
}

/** null for what is not as expected: what is known of a trial is worth no fault. */
export function parseStoreTrial(value: unknown): StoreTrial | null {
  if (!isRecord(value)) return null
  const { at, isCreateOnly, maxObjectBytes, warnings } = value
  if (!isPositive(at) || typeof isCreateOnly !== "boolean" || !isPositive(maxObjectBytes)) return null
  if (!Array.isArray(warnings) || warnings.length > maxEntries) return null
  const told = warnings.map(parseWarning)
  return told.every((warning) => warning !== null) ? { at, isCreateOnly, maxObjectBytes, warnings: told } : null
}

function parseCredentialFact(value: unknown): CredentialFact | null {
  if (!isRecord(value)) return null
  const { name } = value
  const state = credentialStates.find((known) => known === value["state"])
  // It becomes a part of a command that the person copies into a terminal.
  if (typeof name !== "string" || !/^[a-zA-Z]{1,40}$/.test(name) || state === undefined) return null
  return { name, state }
}

function parseWarning(value: unknown): StoreWarning | null {
  if (!isRecord(value)) return null
  const { code, message } = value
  if (typeof code !== "string" || !/^[a-z][a-z-]{0,63}$/.test(code) || typeof message !== "string") return null
  return { code, message: message.slice(0, 1000) }
}

function isPositive(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
