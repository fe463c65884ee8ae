import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { PspError } from "../shared/errors.js"
import { writePrivateFile } from "./private-file.js"

/** What the person has set on this machine: `config.json` in PSP_HOME. */
export interface Config {
  /** Address of the store, as in `PSP_STORE`. */
  store?: string
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
  const { store } = value as Record<string, unknown>
  if (store === undefined) return {}
  if (typeof store !== "string") throw bad("expected a text as store")
  return { store }
}

/** A store's address may hold a password: 0600. */
export async function writeConfig(home: string, config: Config): Promise<void> {
  await writePrivateFile(join(home, "config.json"), `${JSON.stringify(config, null, 2)}\n`)
}
