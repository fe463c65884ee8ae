import { PspError } from "../../shared/errors.js"
import type { CommandContext, CommandResult } from "../command.js"
import { readConfig, writeConfig, type Config } from "../config.js"
import { openStore, storeKind } from "../stores.js"

const keys = ["store"] as const

export async function configGet({ home }: CommandContext, key?: string): Promise<CommandResult> {
  const config = await readConfig(home)
  const shown = key === undefined ? keys : [checkedKey(key)]
  const entries = shown.flatMap((name) =>
    config[name] === undefined ? [] : [[name, withoutPassword(config[name])] as const],
  )
  return { text: entries.map(([name, value]) => `${name} ${value}`).join("\n"), json: Object.fromEntries(entries) }
}

export async function configSet({ home }: CommandContext, key: string, value: string): Promise<CommandResult> {
  const name = checkedKey(key)
  // Opened before it is believed: a store that cannot be used would make every later command fail.
  const provider = await openStore(value)
  await provider.check?.()
  const config: Config = { ...(await readConfig(home)), [name]: value }
  await writeConfig(home, config)
  return { text: `${name} ${withoutPassword(value)}`, json: { [name]: withoutPassword(value), kind: storeKind(value) } }
}

function checkedKey(key: string): (typeof keys)[number] {
  const found = keys.find((name) => name === key)
  if (found === undefined) throw new PspError("usage", `Cannot configure "${key}": expected one of ${keys.join(", ")}`)
  return found
}

/** A store address may hold a password: it is never printed. */
function withoutPassword(address: string): string {
  return address.replace(/(\/\/[^/@:]*):[^@/]*@/, "$1:…@")
}
