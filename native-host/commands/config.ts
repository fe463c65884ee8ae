import { PspError } from "../../shared/errors.js"
import type { StoreProbe } from "../../shared/probe-store.js"
import type { StoreWarning } from "../../shared/provider.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { isLogLevel, logLevels, readConfig, writeConfig } from "../config.js"
import { keepCredentials, readCredentials } from "../credentials.js"
import { shellOnly } from "../shell-credentials.js"
import { placeOf, shownAddress, splitPassword } from "../store-address.js"
import { openStore, storeKind } from "../stores.js"
import { sizeText } from "../terminal.js"
import { configWithStore, tryStore } from "../try-store.js"
import { isTtlKey, spanOf, ttlName } from "../ttl-rules.js"
import { isCredentialKey, setCredential, unsetCredential } from "./config-credentials.js"

const readable = ["store", "log", "credentials", "ttl"]
const settable = ["store", "log", "credentials.NAME", "ttl.KIND", "ttl.SITE.KIND"]

/** What is set: the address of the store, and the names of the credentials that are kept, by place. No value of them. */
export async function configGet({ home }: CommandContext, key?: string): Promise<CommandResult> {
  if (key !== undefined && !readable.includes(key)) throw unknownKey(key, readable)
  const isWanted = (name: string) => key === undefined || key === name
  const { store, log, ttl } = await readConfig(home)
  const shown = !isWanted("store") || store === undefined ? undefined : shownAddress(store)
  const level = isWanted("log") ? log : undefined
  const kept = !isWanted("credentials")
    ? []
    : [...(await readCredentials(home))].map(([place, values]) => ({ place, names: Object.keys(values) }))
  const spans = isWanted("ttl") ? Object.entries(ttl ?? {}) : []
  const lines = [
    ...(shown === undefined ? [] : [`store ${shown}`]),
    ...(level === undefined ? [] : [`log ${level}`]),
    ...spans.map(([name, span]) => `ttl.${name} ${span}`),
    ...kept.map(({ place, names }) => `credentials ${place}: ${names.join(", ")}`),
  ]
  const credentials = Object.fromEntries(kept.map(({ place, names }) => [place, names]))
  return {
    text: lines.join("\n"),
    json: {
      ...(shown !== undefined && { store: shown }),
      ...(level !== undefined && { log: level }),
      ...(spans.length > 0 && { ttl: Object.fromEntries(spans) }),
      ...(kept.length > 0 && { credentials }),
    },
  }
}

export interface SetOptions extends CommonOptions {
  /** False with `--no-check`. */
  check?: boolean
}

/** Sets a store that was tried, or keeps one of its credentials. @throws `usage`, and what the store or its trial throws */
export async function configSet(
  context: CommandContext,
  options: SetOptions,
  key: string,
  value: string | undefined,
): Promise<CommandResult> {
  if (isCredentialKey(key)) return setCredential(context, options, key, value)
  if (key === "log") return setLog(context, value)
  if (isTtlKey(key)) return setTtl(context, key, value)
  if (key !== "store") throw unknownKey(key, settable)
  if (value === undefined) throw new PspError("usage", "Cannot set the store: expected its address after it")
  return setStore(context, options, value)
}

async function setLog({ home }: CommandContext, level: string | undefined): Promise<CommandResult> {
  if (!isLogLevel(level)) throw new PspError("usage", `Cannot set the log: expected one of ${logLevels.join(", ")}`)
  await writeConfig(home, { ...(await readConfig(home)), log: level })
  return { text: `log ${level}`, json: { log: level } }
}

/** It counts from the next capture on. */
async function setTtl({ home }: CommandContext, key: string, span: string | undefined): Promise<CommandResult> {
  const name = ttlName(key)
  if (span === undefined || spanOf(span) === null)
    throw new PspError("usage", `Cannot set ${key}: expected a time such as 30m, 8h or 7d after it`)
  const config = await readConfig(home)
  await writeConfig(home, { ...config, ttl: { ...config.ttl, [name]: span } })
  return { text: `${key} ${span}`, json: { ttl: { [name]: span } } }
}

async function unsetTtl({ home }: CommandContext, key: string): Promise<CommandResult> {
  const name = ttlName(key)
  const config = await readConfig(home)
  const ttl = Object.fromEntries(Object.entries(config.ttl ?? {}).filter(([other]) => other !== name))
  await writeConfig(home, { ...config, ttl })
  return { text: `${key} is kept as long as its session again.`, json: { ttl: { [name]: null } } }
}

/** Forgets the store, which is the folder in PSP_HOME then, the level of the log, or a credential. */
export async function configUnset(
  context: CommandContext,
  options: CommonOptions,
  key: string,
): Promise<CommandResult> {
  if (isCredentialKey(key)) return unsetCredential(context, options, key)
  if (isTtlKey(key)) return unsetTtl(context, key)
  const config = await readConfig(context.home)
  if (key === "log") {
    delete config.log
    await writeConfig(context.home, config)
    return { text: "The log is written as it is by default: info.", json: { log: null } }
  }
  if (key !== "store") throw unknownKey(key, settable)
  delete config.store
  delete config.trial
  await writeConfig(context.home, config)
  return { text: "The store is the folder vault in PSP_HOME again.", json: { store: null } }
}

/** Nothing is written before all of the trial went well. The password of an address goes to the credentials. */
async function setStore(
  { home, env, say, closeLater, now }: CommandContext,
  { check }: SetOptions,
  given: string,
): Promise<CommandResult> {
  if (storeKind(given) === "memory" && check !== false) {
    throw new PspError(
      "bad-config",
      "Cannot set the store: what is kept in memory ends with each command and each save; for a test that wants it, add --no-check",
    )
  }
  const { address, password } = splitPassword(given)
  const place = placeOf(given)
  const probe = check === false ? null : await tryStore(given, env, home)
  // Without a trial an address is still one that can be opened, once its credentials are there.
  if (probe === null && place === null) closeLater(await openStore(given, env))
  if (place !== null && password !== null) await keepCredentials(home, place, { password })
  await writeConfig(home, configWithStore(await readConfig(home), address, probe, now()))
  if (env["PSP_STORE"] !== undefined && env["PSP_STORE"] !== "") say("PSP_STORE is set here, and wins over this.")
  const warnings = [...(probe?.warnings ?? []), ...(await shellOnly(address, env, home))]
  const text = [
    `store ${shownAddress(address)}`,
    ...(password === null ? [] : ["Its password is kept in credentials.json, which only you may read."]),
    ...foundLines(probe),
    ...warnings.map(({ message }) => `Warning: ${message}.`),
  ]
  return {
    text: text.join("\n"),
    json: { store: shownAddress(address), kind: storeKind(address), ...foundFacts(probe, warnings) },
  }
}

function foundLines(probe: StoreProbe | null): string[] {
  if (probe === null) return ["It was not tried."]
  return [
    "A small object was written, read back, listed and removed.",
    probe.isCreateOnly
      ? "Create-only: yes, it gives no name to other bytes."
      : "Create-only: no, it may give a name to other bytes.",
    `Largest object: ${sizeText(probe.maxObjectBytes)}; larger sessions are kept in parts.`,
  ]
}

function foundFacts(probe: StoreProbe | null, warnings: StoreWarning[]) {
  if (probe === null) return { checked: false, warnings }
  const { isCreateOnly, maxObjectBytes } = probe
  return { checked: true, isCreateOnly, maxObjectBytes, warnings }
}

/** A key may be an address that somebody typed in its place. */
function unknownKey(key: string, known: string[]): PspError {
  const shown = /^[\w.-]{1,40}$/.test(key) ? `"${key}"` : "that"
  return new PspError("usage", `Cannot configure ${shown}: expected one of ${known.join(", ")}`)
}
