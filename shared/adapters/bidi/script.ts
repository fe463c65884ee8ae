import type { BidiConnection } from "./connection.js"

/**
 * All that runs in pages runs in a sandbox of this name: what the page did to its builtins does not count there, and what one
 * expression leaves the next one finds.
 */
const sandbox = "psp"

/** A value of JSON without objects: page functions answer with one string. */
interface RemoteValue {
  type: string
  value?: unknown
}

/** Evaluates in a browsing context, and gives what is a string, number, boolean or null. */
export async function evaluateIn(connection: BidiConnection, context: string, expression: string): Promise<unknown> {
  const asked = { expression, target: { context, sandbox }, awaitPromise: true }
  const answer = (await connection.send("script.evaluate", asked)) as { type: string; result?: RemoteValue }
  // What a page throws may hold anything: it is not repeated.
  if (answer.type !== "success") throw new Error("The page threw an error")
  const { type, value } = answer.result ?? { type: "undefined" }
  if (type === "null") return null
  return typeof value === "object" ? undefined : value
}

/**
 * Adds a script that runs in new documents before any of their own.
 *
 * @param where the user contexts or the pages that it is for
 */
export async function addPreload(
  connection: BidiConnection,
  content: string,
  where: { userContexts: [string] } | { contexts: [string] },
): Promise<{ dispose: () => Promise<void> }> {
  const functionDeclaration = `() => { ${content} }`
  const { script } = (await connection.send("script.addPreloadScript", { functionDeclaration, sandbox, ...where })) as {
    script: string
  }
  return {
    dispose: async () => {
      // Gone with its page or context already.
      await connection.send("script.removePreloadScript", { script }).catch(() => undefined)
    },
  }
}
