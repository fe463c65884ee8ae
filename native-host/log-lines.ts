import { join } from "node:path"
import type { TimedEvent } from "./host-log.js"
import { appendToLog } from "./log-file.js"
import { logLevelOf } from "./log-level.js"
import { knownStoreKind, storeAddress } from "./stores.js"

export function logFolder(home: string): string {
  return join(home, "log")
}

/** Appends events to the log of `home`, all of them in one write, as far as its level lets them. @throws what the system says */
export async function writeEvents(
  home: string,
  env: Record<string, string | undefined>,
  events: TimedEvent[],
): Promise<void> {
  const level = await logLevelOf(home, env)
  const chosen = level === "info" ? events : level === "error" ? events.filter(isError) : []
  if (chosen.length === 0) return
  const store = chosen.some(({ event }) => event === "start") ? await kindOfStore(home, env) : "unknown"
  await appendToLog(logFolder(home), chosen.map((event) => lineOf(event, store)).join(""))
}

function isError(event: TimedEvent): boolean {
  return "code" in event || event.event === "crash"
}

function lineOf({ at, ...event }: TimedEvent, store: string): string {
  const line = { time: new Date(at).toISOString(), pid: process.pid, ...event }
  return `${JSON.stringify(event.event === "start" ? { ...line, store } : line)}\n`
}

async function kindOfStore(home: string, env: Record<string, string | undefined>): Promise<string> {
  const address = await storeAddress(home, env).catch(() => "")
  return knownStoreKind(address)
}
