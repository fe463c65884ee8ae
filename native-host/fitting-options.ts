import { PspError } from "../shared/errors.js"

/** By command: of each of these sets only one can be meant. */
const exclusive: Record<string, string[][]> = {
  restore: [
    ["cdp", "bidi", "format"],
    ["wait", "steal"],
  ],
  run: [["wait", "steal"]],
  capture: [["cdp", "bidi", "from"]],
  audit: [
    ["csv", "json"],
    ["follow", "until"],
  ],
  "recovery create": [["words", "out"]],
  lock: [["keychain", "off"]],
  keygen: [["passphrase", "keychain"]],
  push: [["account", "all"]],
  pull: [["account", "all"]],
}

/** By command: options that mean something beside one of those others only. */
const beside: Record<string, Record<string, string[]>> = {
  restore: {
    keep: ["cdp", "bidi"],
    check: ["cdp", "bidi"],
    out: ["format"],
    url: ["format curl"],
    targetVersion: ["format playwright"],
    toolVersion: ["format playwright"],
  },
  capture: { format: ["from"] },
  watch: {
    format: ["out"],
    url: ["format curl"],
    targetVersion: ["format playwright", "exec"],
    keepEnv: ["exec"],
  },
}

/** Common options that choose a session: the commands that heed them. */
const heeding: Record<string, string[]> = {
  at: ["restore", "inspect", "run", "diff"],
  account: [
    ...["restore", "inspect", "run", "diff", "capture", "export", "grant", "revoke", "remove"],
    ...["push", "pull", "watch", "history"],
  ],
}

/**
 * Refuses options that the command would not heed as they stand: what is passed over in silence was meant to do something.
 *
 * @param options as they were given, by the names that the code has for them
 * @throws `usage`
 */
export function requireFitting(command: string, options: Record<string, unknown>): void {
  const refuse = (why: string) => {
    throw new PspError("usage", `Cannot ${command}: ${why}`)
  }
  const isGiven = (wanted: string) => {
    const [name = "", value] = wanted.split(" ")
    return value === undefined ? options[name] !== undefined : options[name] === value
  }
  for (const [name, commands] of Object.entries(heeding)) {
    if (isGiven(name) && !commands.includes(command)) refuse(`${flagOf(name)} means nothing there`)
  }
  const times = options["at"]
  const mostTimes = command === "diff" ? 2 : 1
  if (Array.isArray(times) && times.length > mostTimes)
    refuse(`expected --at ${mostTimes === 1 ? "once" : "twice"} at most`)
  for (const names of exclusive[command] ?? []) {
    const [one, other] = names.filter(isGiven)
    if (one !== undefined && other !== undefined) refuse(`${flagOf(one)} and ${flagOf(other)} exclude each other`)
  }
  for (const [name, others] of Object.entries(beside[command] ?? {})) {
    if (isGiven(name) && !others.some(isGiven)) refuse(`${flagOf(name)} goes with ${others.map(flagOf).join(" or ")}`)
  }
}

/** As it is typed. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
