import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { parseStoreTrial, type StoreTrial } from "../shared/store-facts.js"
import { writePrivateFile } from "./private-file.js"

/** `error`: only events with an error code. `off`: nothing is written, no crash report either. */
export const logLevels = ["off", "error", "info"] as const

export type LogLevel = (typeof logLevels)[number]

export function isLogLevel(text: unknown): text is LogLevel {
  return logLevels.some((level) => level === text)
}

/** What the person has set on this machine: `config.json` in PSP_HOME. */
export interface Config {
  /** Address of the store, as in `PSP_STORE`. */
  store?: string
  /** What the last trial found, and of which address: one that was set by hand since was not tried. */
  trial?: StoreTrial & { of: string }
  /** How much the host writes down, as in `PSP_LOG`. */
  log?: LogLevel
  /** How long kinds are kept: `sessionStorage` or `example.com.sessionStorage`, and a span such as `8h`. */
  ttl?: Record<string, string>
}

/** The configuration; empty where there is none. @throws `bad-config` */
export async function readConfig(home: string): Promise<Config> {
  const path = join(home, "config.json")
  const bad = (why: string) => new PspError("bad-config", `Cannot read ${path}: ${why}`)
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, "utf8"))
  } catch (error) {
    if (error instanceof SyntaxError) throw bad("it is not JSON")
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {}
    throw bad("the system does not let us")
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("expected an object")
  const { store, trial, log, ttl } = value as Record<string, unknown>
  if (store !== undefined && typeof store !== "string") throw bad("expected a text as store")
  // A level that only a newer build knows is no reason to keep a session from its store.
  const tried = trialIn(trial)
  return {
    ...(store !== undefined && { store }),
    ...(tried !== null && { trial: tried }),
    ...(isLogLevel(log) && { log }),
    ...(isTextRecord(ttl) && { ttl }),
  }
}

function isTextRecord(value: unknown): value is Record<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  return Object.values(value).every((text) => typeof text === "string")
}

function trialIn(value: unknown): NonNullable<Config["trial"]> | null {
  const trial = parseStoreTrial(value)
  const { of } = (value ?? {}) as { of?: unknown }
  return trial === null || typeof of !== "string" ? null : { of, ...trial }
}

/** A store's address may hold a password: 0600. */
export async function writeConfig(home: string, config: Config): Promise<void> {
  await writePrivateFile(join(home, "config.json"), `${JSON.stringify(config, null, 2)}\n`)
}
