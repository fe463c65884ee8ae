import { execFile } from "node:child_process"
import { chmod, copyFile, lstat, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { PspError } from "../shared/errors.js"
import { chromeExtensionId, firefoxAddonId } from "../shared/names.js"
import { hostName } from "../shared/protocol.js"
import { browserPlaces, type BrowserPlace, type Machine } from "./browsers.js"

/** The manifest that tells a browser which program may be started, and by which extension. */
export function manifestOf(form: BrowserPlace["form"], program: string, extensionIds: string[] = []): object {
  const common = { name: hostName, description: "Persistent Sessions native host", path: program, type: "stdio" }
  if (form === "firefox") {
    const own = extensionIds.filter((id) => id.includes("@") || id.startsWith("{"))
    return { ...common, allowed_extensions: [firefoxAddonId, ...own] }
  }
  const ids = [chromeExtensionId, ...extensionIds.filter((id) => /^[a-p]{32}$/.test(id))]
  return { ...common, allowed_origins: [...new Set(ids)].map((id) => `chrome-extension://${id}/`) }
}

/**
 * The program a browser starts: an absolute script with an absolute Node, because a browser that was started from a
 * desktop has no shell's PATH. It tries the Node that installed it, then the usual places.
 */
export function wrapperOf(
  platform: NodeJS.Platform,
  { node, host, home }: { node: string; host: string; home: string },
): string {
  if (platform === "win32") {
    return ["@echo off", `set "PSP_HOME=${home}"`, `"${node}" "${host}" %*`, ""].join("\r\n")
  }
  const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`
  const places = [node, "/usr/local/bin/node", "/opt/homebrew/bin/node", "/usr/bin/node"]
  return [
    "#!/bin/sh",
    "# Started by the browser. Written by: psp install",
    `PSP_HOME=\${PSP_HOME:-${quoted(home)}}`,
    "export PSP_HOME",
    `for node in ${places.map(quoted).join(" ")}; do`,
    `  if [ -x "$node" ]; then exec "$node" ${quoted(host)} "$@"; fi`,
    "done",
    'echo "psp-host: no Node.js found; run: psp install" >&2',
    "exit 1",
    "",
  ].join("\n")
}

export function thisMachine(home: string, env: Record<string, string | undefined>): Machine {
  return { platform: process.platform, user: env["HOME"] ?? homedir(), home, env }
}

export function hostProgram({ home, platform }: Pick<Machine, "home" | "platform">): string {
  return join(home, "host", platform === "win32" ? "psp-host.cmd" : "psp-host")
}

/** Copies the host into PSP_HOME, where an update or removal of the package does not pull it from under the browser. */
export async function installHost(machine: Machine, programs: string): Promise<string> {
  const { home, platform } = machine
  const folder = join(home, "host")
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(home, 0o700)
  await chmod(folder, 0o700)
  const host = join(folder, "psp-host.mjs")
  const source = join(programs, "psp-host.mjs")
  const partial = `${host}.${process.pid}`
  await copyFile(source, partial).catch(() => {
    throw new PspError("internal", `Cannot install the host: ${source} is missing from this package; install it again`)
  })
  await chmod(partial, 0o600)
  // The parts first: a host that the browser starts meanwhile finds its own. Their names are digests, so none is replaced.
  await copyParts(programs, folder)
  await rename(partial, host)
  const program = hostProgram(machine)
  await replaceFile(program, wrapperOf(platform, { node: process.execPath, host, home }), 0o700)
  return program
}

/** What only some stores need lies beside the program, see `build.ts`. */
async function copyParts(programs: string, folder: string): Promise<void> {
  const parts = join(programs, "psp-host-parts")
  const names = await readdir(parts).catch(() => [])
  const target = join(folder, "psp-host-parts")
  if (names.length > 0) await mkdir(target, { recursive: true, mode: 0o700 })
  for (const name of names) {
    await copyFile(join(parts, name), join(target, name))
    await chmod(join(target, name), 0o600)
  }
}

/** Writes the manifest (and on Windows the registry keys) for one place; the path of the manifest. */
export async function register(place: BrowserPlace, program: string, extensionIds: string[]): Promise<string> {
  const manifest = manifestPath(place)
  await mkdir(dirname(manifest), { recursive: true })
  const known = await knownIds(manifest)
  await replaceFile(
    manifest,
    `${JSON.stringify(manifestOf(place.form, program, [...known, ...extensionIds]), null, 2)}\n`,
    0o644,
  )
  for (const key of place.registryKeys) await setRegistry(`HKCU\\${key}\\${hostName}`, manifest)
  return manifest
}

export async function unregister(place: BrowserPlace): Promise<string | null> {
  for (const key of place.registryKeys) await removeRegistry(`HKCU\\${key}\\${hostName}`)
  const manifest = manifestPath(place)
  if ((await lstat(manifest).catch(() => null)) === null) return null
  await rm(manifest)
  return manifest
}

export function manifestPath(place: Pick<BrowserPlace, "folder">): string {
  return join(place.folder, `${hostName}.json`)
}

/** Places of browsers that are on this machine; those the person named are taken whether or not they are. */
export async function placesToRegister(machine: Machine, named: string[]): Promise<BrowserPlace[]> {
  const places = browserPlaces(machine)
  if (named.length > 0) return places.filter(({ browser }) => named.includes(browser))
  const found = await Promise.all(places.map(async ({ configuration }) => isFolder(configuration)))
  return places.filter((_, index) => found[index])
}

/** A folder that was named with `--manifest-dir`. */
export function placeIn(folder: string, form: BrowserPlace["form"]): BrowserPlace {
  const path = resolve(folder)
  return {
    browser: form === "firefox" ? "firefox" : "chromium",
    form,
    configuration: path,
    folder: path,
    registryKeys: [],
  }
}

/** Extension ids that an earlier install allowed besides ours: registering again must not lock them out. */
async function knownIds(manifest: string): Promise<string[]> {
  try {
    const value = JSON.parse(await readFile(manifest, "utf8")) as {
      allowed_origins?: unknown
      allowed_extensions?: unknown
    }
    const lists = [value.allowed_origins, value.allowed_extensions].flatMap((list) =>
      Array.isArray(list) ? (list as unknown[]) : [],
    )
    return lists
      .filter((item) => typeof item === "string")
      .map((item) => item.replace(/^chrome-extension:\/\//, "").replace(/\/$/, ""))
      .filter((id) => id !== firefoxAddonId)
  } catch {
    // No manifest, or one that nobody could read: ours replaces it.
    return []
  }
}

async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const partial = `${path}.${process.pid}`
  await writeFile(partial, content, { mode, flag: "wx" })
  await chmod(partial, mode)
  await rename(partial, path)
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() === true
}

const run = promisify(execFile)

async function setRegistry(key: string, manifest: string): Promise<void> {
  await run("reg", ["add", key, "/ve", "/t", "REG_SZ", "/d", manifest, "/f"])
}

async function removeRegistry(key: string): Promise<void> {
  await run("reg", ["delete", key, "/f"]).catch(() => undefined)
}
