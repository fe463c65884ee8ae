/** What the site's routes are made of: a visit comes in, a reply goes out, and page code travels as its own text. */
export interface Visit {
  url: URL
  /** The hostname without the port. */
  host: string
  secure: boolean
  /** The Cookie header, read as UTF-8; "" when there was none. */
  cookie: string
  origin: (host: string, options?: { secure?: boolean }) => string
}

export interface Reply {
  status?: number
  headers?: Record<string, string>
  /** Set-Cookie lines; may hold more than ASCII, which goes out as UTF-8. */
  cookies?: string[]
  type?: string
  body: string
}

export type Route = (visit: Visit) => Reply

export function page(title: string, script = ""): Reply {
  const safe = script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--")
  return {
    body: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>${title}</title><h1>${title}</h1><script>${safe}</script></html>`,
  }
}

/**
 * A page function and its arguments as an expression. Functions among the arguments travel as text as well, so a page
 * function gets others by parameter and never by import. `__name` is what esbuild puts around inner functions.
 */
export function callOf<Arguments extends unknown[]>(fn: (...given: Arguments) => unknown, ...given: Arguments): string {
  const texts = given.map((one) => (typeof one === "function" ? `(${String(one)})` : JSON.stringify(one)))
  return `(() => { const __name = (fn) => fn; return (${fn.toString()})(${texts.join(", ")}) })()`
}

/** One ASCII line that is the same value again after `JSON.parse`, lone surrogates and all; runs inside pages too. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
}

/**
 * Puts the answer of an expression on `window[name]`: a promise of one line of ASCII JSON, `{ value }` or `{ failed }`,
 * which every tool carries unharmed. A frame tells it to its parent as well.
 */
export function promised(name: "filled" | "seen", expression: string): string {
  return `{ const __name = (fn) => fn; (${promise.toString()})("${name}", ${asciiJson.toString()}, () => ${expression}) }`
}

function promise(name: string, toJson: (value: unknown) => string, answer: () => unknown): void {
  const line = (async () => ({ value: await answer() }))()
    .catch((error: unknown) => ({ failed: String(error) }))
    .then(toJson)
  Reflect.set(window, name, line)
  if (parent !== window) void line.then((text) => parent.postMessage({ [name]: text }, "*"))
}
