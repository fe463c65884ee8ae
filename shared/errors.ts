/**
 * Every fault this project can name. Callers match on `code`, never on the text; codes are only ever added.
 * The number is the exit status of the command line for that fault (see the README).
 */
export const exitByCode = {
  // Opening an envelope: few, so that an outsider learns nothing from which one it gets.
  "not-for-me": 4,
  "not-trusted": 4,
  expired: 7,
  "too-new": 5,
  damaged: 5,

  // The vault and what is in it.
  "rolled-back": 5,
  "not-found": 3,
  "bad-snapshot": 5,
  "too-large": 2,
  "not-owner": 4,
  "not-granted": 4,

  // Stores.
  unreachable: 6,
  denied: 6,
  full: 6,
  "rate-limited": 6,
  corrupt: 5,

  // This machine: identity, configuration, registration.
  "no-identity": 3,
  "bad-identity": 4,
  "unsafe-permissions": 4,
  "bad-config": 2,
  "bad-card": 4,
  "card-changed": 4,
  "bad-clock": 2,

  // The native-messaging conversation.
  "host-missing": 6,
  "host-forbidden": 6,
  "host-crashed": 6,
  "host-garbled": 6,
  "host-too-old": 6,
  "host-too-new": 6,
  "bad-message": 1,

  // Capture and restore.
  "nothing-to-capture": 3,
  "permission-refused": 4,
  busy: 1,
  aborted: 1,
  "bad-target": 2,
  /** What was captured is no login any more, and would take the place of one. */
  "logged-out": 3,

  // An identity that is locked by a passphrase or by the system's keychain.
  locked: 4,
  "wrong-passphrase": 4,
  "keychain-missing": 6,
  "keychain-locked": 4,

  usage: 2,
  internal: 1,
} as const satisfies Record<string, number>

export type ErrorCode = keyof typeof exitByCode

/**
 * An expected fault: `code` for programs, one sentence for people.
 * The sentence says what we were doing, what we expected and what we got; it never holds a cookie or storage value,
 * a key or a token.
 */
export class PspError extends Error {
  override readonly name = "PspError"
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function isPspError(error: unknown, code?: ErrorCode): error is PspError {
  return error instanceof PspError && (code === undefined || error.code === code)
}

/** The error as a `PspError`: unchanged if it is one, else `internal` with the original as its cause. */
export function toPspError(error: unknown, doing: string): PspError {
  if (error instanceof PspError) return error
  const what = error instanceof Error ? error.name : typeof error
  return new PspError("internal", `${doing} failed unexpectedly (${what})`, { cause: error })
}

/** Narrows a string that crossed a process border; an unknown code (from a newer peer) becomes `internal`. */
export function errorCodeOf(text: unknown): ErrorCode {
  return typeof text === "string" && Object.hasOwn(exitByCode, text) ? (text as ErrorCode) : "internal"
}
