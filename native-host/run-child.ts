import { spawn } from "node:child_process"
import { constants } from "node:os"
import { PspError } from "../shared/errors.js"

/** Signals that people and supervisors end or steer a program with. */
const forwarded = ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2"] as const

/** Catches those signals from now on; until a program is there to get them, the first one is remembered. */
export interface Signals {
  /** The signal that came before anything ran. */
  early(): NodeJS.Signals | null
  /** Every signal goes there from now on. */
  to(kill: (signal: NodeJS.Signals) => void): void
  stop(): void
}

export function catchSignals(): Signals {
  let first: NodeJS.Signals | null = null
  let kill: ((signal: NodeJS.Signals) => void) | null = null
  const listeners = forwarded.map((signal) => {
    // A terminal sends its own to everything that runs in it: Ctrl-C twice means something else to many programs.
    const isOfTerminal = process.stdin.isTTY && (signal === "SIGINT" || signal === "SIGQUIT")
    const listener = () => {
      if (kill === null) first ??= signal
      else if (!isOfTerminal) kill(signal)
    }
    process.on(signal, listener)
    return { signal, listener }
  })
  return {
    early: () => first,
    to: (next) => (kill = next),
    stop: () => {
      for (const { signal, listener } of listeners) process.off(signal, listener)
    },
  }
}

export interface ChildEnd {
  /** As a shell tells it: 128 and the number of the signal that ended it. */
  exitCode: number
  signal: NodeJS.Signals | null
}

/**
 * Runs a program with this terminal until it ends.
 *
 * @param outTo file descriptor for what it prints
 * @throws `usage` when it cannot be started
 */
export function runChild(
  [command = "", ...args]: string[],
  { env, signals, outTo }: { env: Record<string, string | undefined>; signals: Signals; outTo: 1 | 2 },
): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: [0, outTo, 2] })
    signals.to((signal) => child.kill(signal))
    child.once("error", (error) => {
      const code = "code" in error ? String(error.code) : "unknown"
      const why = code === "ENOENT" ? "there is no such command" : `the system refused (${code})`
      if (child.pid === undefined) reject(new PspError("usage", `Cannot run ${command}: ${why}`))
    })
    child.once("exit", (code, signal) => {
      resolve({ exitCode: code ?? exitCodeOf(signal), signal })
    })
  })
}

export function exitCodeOf(signal: NodeJS.Signals | null): number {
  return signal === null ? 1 : 128 + constants.signals[signal]
}
