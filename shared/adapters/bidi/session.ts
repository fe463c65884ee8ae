import { PspError } from "../../errors.js"
import { createSteps, tidied, type StepOptions } from "../steps.js"
import { BidiError, type BidiConnection } from "./connection.js"

/** A connection on which commands are heard. */
export interface BidiSession extends BidiConnection {
  browser: BidiBrowser
}

export interface BidiBrowser {
  /** As the browser calls itself: `firefox`, `chrome`, … */
  name: string
  version: string
}

/**
 * Begins a session where the connection has none, and ends it with `close`; one that is there (an address that a WebDriver gave)
 * stays as it is. Firefox has one session only.
 *
 * @throws `bad-target` when another tool holds the only session, or there is no BiDi at the other end; `aborted` when it takes
 *   too long or is called off
 */
export async function openBidiSession(connection: BidiConnection, options: StepOptions = {}): Promise<BidiSession> {
  const step = createSteps("use the browser by WebDriver BiDi", options)
  return step("beginning a session", () => beginSession(connection)).catch((error: unknown) => {
    connection.close().catch(() => undefined)
    throw error
  })
}

async function beginSession(connection: BidiConnection): Promise<BidiSession> {
  try {
    if (await hasSession(connection)) return { ...connection, browser: await askBrowser(connection) }
    // Dialogs of the person's own pages are left alone, which by the standard would be dismissed.
    const capabilities = { alwaysMatch: { unhandledPromptBehavior: { default: "ignore" } } }
    const begun = (await connection.send("session.new", { capabilities })) as NewSession
    const { browserName: name, browserVersion: version } = begun.capabilities
    const close = async () => {
      await tidied(connection.send("session.end"), connection.closed)
      await connection.close()
    }
    return { ...connection, browser: { name: name.toLowerCase(), version }, close }
  } catch (cause) {
    await connection.close().catch(() => undefined)
    if (!(cause instanceof BidiError)) throw cause
    const why =
      cause.code === "session not created"
        ? "another tool holds its only session (end that one first)"
        : `it did not begin a session (${cause.code})`
    throw new PspError("bad-target", `Cannot use the browser by WebDriver BiDi: ${why}`, { cause })
  }
}

interface NewSession {
  capabilities: { browserName: string; browserVersion: string }
}

async function hasSession(connection: BidiConnection): Promise<boolean> {
  try {
    await connection.send("browser.getUserContexts")
    return true
  } catch (error) {
    if (error instanceof BidiError && error.code === "invalid session id") return false
    throw error
  }
}

/** A session that is there does not tell whose it is: one of its pages does. */
async function askBrowser(connection: BidiConnection): Promise<BidiBrowser> {
  const { contexts } = (await connection.send("browsingContext.getTree", { maxDepth: 0 })) as {
    contexts: { context: string }[]
  }
  for (const { context } of contexts) {
    const asked = { expression: "navigator.userAgent", target: { context, sandbox: "psp" }, awaitPromise: false }
    const answer = (await connection.send("script.evaluate", asked).catch(() => null)) as {
      result?: { value?: unknown }
    } | null
    const found = /(Firefox|Chrome)\/([\d.]+)/.exec(String(answer?.result?.value))
    if (found !== null) return { name: (found[1] ?? "").toLowerCase(), version: found[2] ?? "" }
  }
  return { name: "", version: "" }
}
