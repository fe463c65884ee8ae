import { PspError } from "../../shared/errors.js"
import { browserNames, browserPlaces } from "../browsers.js"
import type { CommandContext, CommandResult } from "../command.js"
import { createIdentityFile, hasIdentity, readOwnCard } from "../identity-file.js"
import { installHost, placeIn, placesToRegister, register, thisMachine, unregister } from "../install.js"
import { printable } from "../terminal.js"
import { machineName } from "./keygen.js"

export interface InstallOptions {
  browser?: string[]
  manifestDir?: string
  extensionId?: string[]
}

/** Registers the native host where browsers look, and makes this machine's identity when there is none. */
export async function install(
  { home, env, programs }: CommandContext,
  options: InstallOptions,
): Promise<CommandResult> {
  const named = options.browser ?? []
  const unknown = named.find((name) => !(browserNames as readonly string[]).includes(name))
  if (unknown !== undefined) {
    throw new PspError(
      "usage",
      `Cannot install for "${printable(unknown)}": expected one of ${browserNames.join(", ")}`,
    )
  }
  const ids = options.extensionId ?? []
  const wrong = ids.find((id) => !/^[a-p]{32}$/.test(id) && !id.includes("@") && !id.startsWith("{"))
  if (wrong !== undefined) {
    throw new PspError(
      "usage",
      `Cannot allow the extension "${printable(wrong)}": expected 32 letters a to p, or a Firefox add-on id`,
    )
  }
  const machine = thisMachine(home, env)
  const places =
    options.manifestDir === undefined
      ? await placesToRegister(machine, named)
      : [placeIn(options.manifestDir, named.includes("firefox") ? "firefox" : "chromium")]
  const program = await installHost(machine, programs)
  if (!(await hasIdentity(home, env))) await createIdentityFile(home, machineName())
  const card = await readOwnCard(home, env)
  const registered = []
  for (const place of places) {
    registered.push({ browser: place.browser, manifest: await register(place, program, ids) })
  }
  const lines = registered.map(({ browser, manifest }) => `${browser}: ${manifest}`)
  const text =
    registered.length === 0
      ? "No browser was found. Name one with --browser, or a folder with --manifest-dir."
      : [
          ...lines,
          `This computer is "${printable(card.name)}". The extension will show these words:`,
          `  ${card.fingerprint}`,
          "If they are the same there, press Trust this computer.",
        ].join("\n")
  return {
    text,
    json: { registered, program, name: card.name, fingerprint: card.fingerprint },
    ...(registered.length === 0 ? { exitCode: 3 } : {}),
  }
}

/** Takes the registrations back; identity, vault and configuration stay. */
export async function uninstall({ home, env }: CommandContext): Promise<CommandResult> {
  const removed: string[] = []
  for (const place of browserPlaces(thisMachine(home, env))) {
    const manifest = await unregister(place)
    if (manifest !== null && !removed.includes(manifest)) removed.push(manifest)
  }
  const text = removed.length === 0 ? "Nothing was registered." : removed.map((path) => `Removed ${path}`).join("\n")
  return { text: `${text}\nYour identity and your sessions stay in ${home}.`, json: { removed } }
}
