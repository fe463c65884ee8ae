import type { Gap } from "../shared/report.js"

/** Options that every command understands. */
export interface CommonOptions {
  account?: string
  /** Times, as they were typed; more than one where two states are compared. */
  at?: string[]
  json?: boolean
  store?: string
  quiet?: boolean
  debug?: boolean
  strict?: boolean
}

/** What a command gives back; the command line prints one or the other, never both. */
export interface CommandResult {
  /** For people, on stdout. */
  text: string
  /** For programs, the one value on stdout with `--json`; undefined for a command that printed its own lines. */
  json: unknown
  /** What was not done: told on stderr and in the JSON; with `--strict` the exit status is 8. */
  gaps?: Gap[]
  /** When the command did its work, and what it found is bad news all the same. */
  exitCode?: number
}

/** Where a command runs and how it talks. */
export interface CommandContext {
  home: string
  env: Record<string, string | undefined>
  /** The folder that holds `psp-host.mjs`. */
  programs: string
  /** A line on stderr, unless `--quiet`. */
  say: (line: string) => void
  /** A line on stdout at once, for a command that has more than one thing to say. */
  print: (line: string) => void
  /** Asks on a terminal; null where there is none. */
  confirm: (question: string) => Promise<boolean | null>
  /** A secret, typed unseen or piped in; null where nothing can be asked. */
  readSecret: (question: string) => Promise<string | null>
  /** A secret, typed unseen; null where there is no terminal. What is piped in is not touched. */
  askSecret: (question: string) => Promise<string | null>
  /** How far a long command is; drawn on a terminal only, and not with `--quiet` or `--json`. */
  progress: (progress: Progress) => void
  /**
   * Aborted by Ctrl-C. Asking for it is a promise to come to a clean end: until then Ctrl-C ends the process as always,
   * and a second one does so in any case.
   */
  interrupted: () => AbortSignal
  /** Resolves after so many ms. @throws `aborted` */
  pause: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Closes what was opened, when the command has come to its end. */
  closeLater: (opened: { close?: () => Promise<void> }) => void
  /** ms since epoch. */
  now: () => number
}

export interface Progress {
  /** One word: what is being done. */
  doing: string
  /** Objects, or whatever the command goes through. */
  done: number
  total: number
  /** Of `done` and `total`, where they are known: for the rate. */
  bytes?: number
  totalBytes?: number
}
