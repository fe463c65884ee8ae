import { getSystemErrorMap } from "node:util"
import { errorCodeOf, isPspError } from "../shared/errors.js"

/** What may be told of any error: where it came from, never what it says. */
export interface ErrorFacts {
  /** Name of its class, or the type of a thrown value that is no error. */
  name: string
  code?: string
  /** `function file:line:column`, innermost first; files without their folders. */
  frames: string[]
  cause?: ErrorFacts
}

const maxFrames = 12
const maxCauses = 3

/**
 * The facts of an error whose message, name, properties and stack may hold anything. The name is that of the class in the
 * source; `error.name` and `error.code` are data (a client of a store may put a server's answer in both).
 */
export function factsOf(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { name: typeof error, frames: [] }
  const frames = framesOf(error)
  const code = isPspError(error) ? errorCodeOf(error.code) : systemCodeOf(error, frames)
  const { cause } = error
  return {
    name: classNameOf(error),
    ...(code === null ? {} : { code }),
    frames,
    ...(cause === undefined || depth >= maxCauses ? {} : { cause: factsOf(cause, depth + 1) }),
  }
}

function classNameOf(error: Error): string {
  const { constructor } = Object.getPrototypeOf(error) as { constructor?: unknown }
  const name = typeof constructor === "function" ? constructor.name : ""
  return /^_?[A-Z][A-Za-z0-9]{0,59}$/.test(name) ? name : "Error"
}

/** Codes of the system, by its own list, and those of errors that Node itself threw. */
function systemCodeOf(error: Error, frames: string[]): string | null {
  const { code } = error as NodeJS.ErrnoException
  if (typeof code !== "string") return null
  if (code === "ENOTFOUND" || [...getSystemErrorMap().values()].some(([name]) => name === code)) return code
  const isNodes = frames[0]?.includes("node:") === true
  return isNodes && /^ERR_[A-Z0-9_]{1,50}$/.test(code) ? code : null
}

/**
 * The lines under the message. A message may have lines that look like frames, so they are told only when the stack begins
 * with the whole message, as the engine writes it.
 */
function framesOf({ stack, message }: Error): string[] {
  if (typeof stack !== "string" || typeof message !== "string") return []
  const at = stack.indexOf(message)
  if (at < 0 || at > 200 || stack.slice(0, at).includes("\n")) return []
  return stack
    .slice(at + message.length)
    .split("\n")
    .flatMap((line) => frameIn(line) ?? [])
    .slice(0, maxFrames)
}

function frameIn(line: string): string | null {
  const named = /^ {4}at (.{1,200}) \((\S.{0,1000}:\d+:\d+)\)$/.exec(line)
  const bare = /^ {4}at (?:async )?(\S.{0,1000}:\d+:\d+)$/.exec(line)
  const name = named?.[1] ?? ""
  const place = named?.[2] ?? bare?.[1] ?? ""
  const [, file, at] = /^(node:[a-z_/]{1,80}|(?:.*[/\\])?[\w.-]{1,80}):(\d+:\d+)$/.exec(place) ?? []
  if (file === undefined || at === undefined) return null
  const bareFile = file.startsWith("node:") ? file : file.replace(/^.*[/\\]/, "")
  return `${/^[\w$.<> ]{1,80}$/.test(name) ? `${name} ` : ""}${bareFile}:${at}`
}
