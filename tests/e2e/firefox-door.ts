import type { Browser, Page } from "puppeteer-core"

interface Tree {
  contexts: { context: string; url: string }[]
}

export interface Evaluated {
  result?: { value?: unknown }
  exceptionDetails?: { text: string }
}

export interface PrivilegedDoor {
  send: (method: string, params: object) => Promise<unknown>
  /** Runs a script in the browser's own window, with its privileges: what a test may use only where a person's click would. */
  inChrome: <T>(script: string, ...args: unknown[]) => Promise<T>
}

/** The frame's id is the one of Firefox's own list of tabs, which Puppeteer's types do not show. */
export function contextOf(page: Page): string {
  return (page.mainFrame() as unknown as { _id: string })._id
}

export async function privilegedDoor(browser: Browser): Promise<PrivilegedDoor> {
  // Puppeteer's own wire to Firefox; its types do not show it, and Firefox serves no second one.
  const { connection } = browser as unknown as {
    connection: { send(method: string, params: object): Promise<{ result: unknown }> }
  }
  const send: PrivilegedDoor["send"] = async (method, params) => (await connection.send(method, params)).result
  const tree = (await send("browsingContext.getTree", { "moz:scope": "chrome" })) as Tree
  const window = tree.contexts.find(({ url }) => url.endsWith("browser.xhtml"))
  if (window === undefined) throw new Error("Firefox shows no window of its own")
  return {
    send,
    async inChrome<T>(script: string, ...args: unknown[]) {
      const call = args.map((arg) => JSON.stringify(arg)).join()
      const answer = (await send("script.evaluate", {
        expression: `(async () => JSON.stringify((await (${script})(${call})) ?? null))()`,
        target: { context: window.context },
        awaitPromise: true,
      })) as Evaluated
      if (answer.result === undefined) throw new Error(`In Firefox's window: ${answer.exceptionDetails?.text ?? ""}`)
      return JSON.parse(String(answer.result.value)) as T
    },
  }
}
