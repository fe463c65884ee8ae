import { spawn } from "node:child_process"
import { constants } from "node:fs"
import { access, lstat, readFile } from "node:fs/promises"
import { isPspError, toPspError } from "../../shared/errors.js"
import { loneRecoveries } from "../../shared/lone-recovery.js"
import { chromeExtensionId, firefoxAddonId } from "../../shared/names.js"
import { ownersOf } from "../../shared/ownership.js"
import { protocolVersion } from "../../shared/protocol.js"
import { recoveryName } from "../../shared/recovery.js"
import { parseRemembered } from "../../shared/vault-memory.js"
import { version } from "../../shared/version.js"
import { browserPlaces, type BrowserPlace } from "../browsers.js"
import type { CommandContext, CommandResult, CommonOptions } from "../command.js"
import { encodeFrame, readPayloads } from "../framing.js"
import { fileMemory } from "../home-vault.js"
import { lockOf, readOwnCard } from "../identity-file.js"
import { hostProgram, manifestPath, thisMachine } from "../install.js"
import { readCredentials } from "../credentials.js"
import { logLevelOf } from "../log-level.js"
import { summarizeLog } from "../log-summary.js"
import { openStore, storeAddress, storeKind } from "../stores.js"
import { countText } from "../terminal.js"
import { logFindings } from "./doctor-log.js"

/** One thing that was looked at; `fix` is the line that mends it, empty where all is well. Well with a `fix` is a note. */
export interface Finding {
  what: string
  ok: boolean
  detail: string
  fix: string
}

/** Looks at everything that has to work together, and starts the host as a browser would. */
export async function doctor(context: CommandContext, options: CommonOptions): Promise<CommandResult> {
  const machine = thisMachine(context.home, context.env)
  const log = await summarizeLog(context.home)
  const findings: Finding[] = [await identityFinding(context)]
  for (const place of browserPlaces(machine)) {
    const finding = await placeFinding(place)
    if (finding !== null) findings.push(finding)
  }
  findings.push(await hostFinding(hostProgram(machine), context))
  const kept = await credentialsFinding(context)
  if (kept !== null) findings.push(kept)
  const recovery = await recoveryFinding(context)
  if (recovery !== null) findings.push(recovery)
  findings.push(await storeFinding(context, options), ...logFindings(log, await logLevelOf(context.home, context.env)))
  const isWell = findings.every(({ ok }) => ok)
  const text = findings
    .map(
      ({ what, ok, detail, fix }) =>
        `${ok ? (fix === "" ? "ok   " : "note ") : "FAIL "} ${what}: ${detail}${fix === "" ? "" : `\n      ${fix}`}`,
    )
    .join("\n")
  return { text, json: { ok: isWell, findings, log }, ...(isWell ? {} : { exitCode: 1 }) }
}

async function identityFinding({ home, env }: CommandContext): Promise<Finding> {
  const what = "identity"
  try {
    const { name } = await readOwnCard(home, env)
    const isGiven = env["PSP_IDENTITY"] !== undefined && env["PSP_IDENTITY"] !== ""
    const lock = isGiven ? "none" : await lockOf(home)
    return { what, ok: true, detail: lock === "none" ? name : `${name}, locked by ${lockNames[lock]}`, fix: "" }
  } catch (error) {
    const { code, message } = toPspError(error, "Reading the identity")
    return { what, ok: false, detail: message, fix: code === "no-identity" ? "psp keygen" : "" }
  }
}

const lockNames = { passphrase: "a passphrase", keychain: "the system's keychain" }

/** null for a browser that is not on this machine and was never registered. */
async function placeFinding(place: BrowserPlace): Promise<Finding | null> {
  const what = place.browser
  const manifest = manifestPath(place)
  const isThere = (await lstat(place.configuration).catch(() => null)) !== null
  const text = await readFile(manifest, "utf8").catch(() => null)
  if (text === null) {
    const fix = `psp install --browser ${place.browser}`
    return isThere ? { what, ok: false, detail: `found, but no manifest at ${manifest}`, fix } : null
  }
  const broken = await brokenManifest(text, place)
  if (broken === null) return { what, ok: true, detail: manifest, fix: "" }
  return { what, ok: false, detail: `${manifest}: ${broken}`, fix: `psp install --browser ${place.browser}` }
}

async function brokenManifest(text: string, { form }: BrowserPlace): Promise<string | null> {
  let manifest: { path?: unknown; allowed_origins?: unknown; allowed_extensions?: unknown }
  try {
    manifest = JSON.parse(text) as typeof manifest
  } catch {
    return "it is not JSON"
  }
  const { path } = manifest
  if (typeof path !== "string") return "it names no program"
  const stats = await lstat(path).catch(() => null)
  if (stats === null) return `its program ${path} is gone`
  const isExecutable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!isExecutable) return `its program ${path} may not be executed`
  const allowed = form === "firefox" ? manifest.allowed_extensions : manifest.allowed_origins
  const own = form === "firefox" ? firefoxAddonId : `chrome-extension://${chromeExtensionId}/`
  return Array.isArray(allowed) && allowed.includes(own) ? null : "it does not allow this extension"
}

async function hostFinding(program: string, { home, env }: CommandContext): Promise<Finding> {
  const what = "native host"
  const hello = await sayHello(program, { ...env, PSP_HOME: home, PSP_LOG: "off" })
  if (hello === version) return { what, ok: true, detail: `answers, version ${hello}`, fix: "" }
  const detail = hello === null ? `${program} does not answer` : `is version ${hello}, this is ${version}`
  return { what, ok: false, detail, fix: "psp install" }
}

/** The version the host answers with, when it is started as a browser starts it; null when it does not answer. */
async function sayHello(program: string, env: Record<string, string | undefined>): Promise<string | null> {
  if ((await lstat(program).catch(() => null)) === null) return null
  const child = spawn(program, [], { env, stdio: ["pipe", "pipe", "ignore"], shell: process.platform === "win32" })
  const failed = new Promise<null>((resolve) => child.once("error", () => resolve(null)))
  const timer = setTimeout(() => child.kill(), 10_000)
  try {
    child.stdin.on("error", () => undefined)
    child.stdin.write(
      encodeFrame({ id: 1, seq: 0, last: true, head: { type: "hello", protocol: protocolVersion, version }, data: "" }),
    )
    return await Promise.race([failed, versionIn(child.stdout)])
  } finally {
    clearTimeout(timer)
    child.stdin.end()
    child.kill()
  }
}

async function versionIn(stdout: NodeJS.ReadableStream): Promise<string | null> {
  try {
    for await (const payload of readPayloads(stdout as AsyncIterable<Uint8Array>)) {
      const { head } = JSON.parse(new TextDecoder().decode(payload)) as { head?: { version?: unknown } }
      if (typeof head?.version === "string") return head.version
    }
  } catch {
    // What is no frame is no answer.
  }
  return null
}

/** null where none are kept. */
async function credentialsFinding({ home }: CommandContext): Promise<Finding | null> {
  const what = "credentials"
  try {
    const { size } = await readCredentials(home)
    return size === 0
      ? null
      : { what, ok: true, detail: `kept for ${countText(size, "place")}, and for you only`, fix: "" }
  } catch (error) {
    const { code, message } = toPspError(error, "Looking at the credentials")
    return { what, ok: false, detail: message, fix: `(${code})` }
  }
}

/** As far as this machine remembers its vault; null for one that owns none, and where nothing was saved yet. */
async function recoveryFinding({ home }: CommandContext): Promise<Finding | null> {
  const what = "recovery"
  try {
    const text = await fileMemory(home).read()
    const { vault, members } = text === null ? { vault: "", members: null } : parseRemembered(text)
    if (members === null) return null
    const owners = [...(await ownersOf(vault, members)).values()]
    const found = owners.filter(({ name }) => name === recoveryName)
    if (found.length > (await loneRecoveries(vault, members)).length)
      return { what, ok: true, detail: "a recovery identity exists", fix: "" }
    if (found.length > 0) {
      const detail = "a recovery identity exists, but knows none of your devices of now, and may open nothing in a year"
      return { what, ok: true, detail, fix: "psp recovery create" }
    }
    const count = countText(owners.length, "device")
    return { what, ok: true, detail: `none; ${count} can open this vault`, fix: "psp recovery create" }
  } catch (error) {
    const { code, message } = toPspError(error, "Looking for a recovery identity")
    return { what, ok: false, detail: message, fix: `(${code})` }
  }
}

async function storeFinding({ home, env, closeLater }: CommandContext, { store }: CommonOptions): Promise<Finding> {
  const what = "store"
  try {
    const address = store ?? (await storeAddress(home, env))
    const provider = await openStore(address, env, home)
    closeLater(provider)
    await provider.check?.()
    return { what, ok: true, detail: storeKind(address), fix: "" }
  } catch (error) {
    const { code, message } = toPspError(error, "Looking at the store")
    return {
      what,
      ok: false,
      detail: message,
      fix: isPspError(error, "bad-config") ? "psp config set store file:///dir" : `(${code})`,
    }
  }
}
