import { describeValue, type Description } from "./describe-value.js"
import { callOf, page, promised, type Route } from "./route.js"
import { seeDatabases, type SeenDatabase } from "./see-databases.js"

/** What page code and the server see of a session at one origin: comparable as it is, before and after. */
export interface Seen {
  origin: string
  referrer: string
  /** In the order of keys. */
  localStorage: [key: string, value: string][]
  sessionStorage: [key: string, value: string][]
  /** `document.cookie` of this page. */
  cookie: string
  /** The Cookie header that arrived for each of `echoPaths`. */
  sent: Record<string, string>
  databases: SeenDatabase[]
  /** Null where the context is not secure, and there are none. */
  files: { path: string; bytes: string }[] | null
  caches: { name: string; entries: { url: string; status: number; bytes: string }[] }[] | null
  workers: { scope: string; isActive: boolean }[] | null
  context: SeenContext
}

export interface SeenContext {
  userAgent: string
  brands: Description
  languages: string[]
  locale: string
  timezone: string
  colorScheme: "dark" | "light"
  reducedMotion: boolean
  viewport: { width: number; height: number; scale: number }
}

/** Each cookie path of the site has an address below it. */
export const echoPaths = ["/echo", "/account/echo", "/account/deep/echo"]

export const seeRoutes: Record<string, Route> = {
  "/see": () => page("What do I see?", seeScript()),
  "/signed-in": () => ({
    ...page("Signed in", seeScript()),
    cookies: ["session=signed in; Path=/; HttpOnly; SameSite=Lax"],
  }),
  "/echo": ({ cookie }) => ({ type: "text/plain", body: cookie }),
}

function seeScript(): string {
  return promised("seen", callOf(see, echoPaths, describeValue, seeDatabases))
}

/** Page function: reads everything at its origin and changes nothing. */
async function see(
  paths: string[],
  describe: (value: unknown) => Promise<Description>,
  databases: (describer: typeof describe) => Promise<SeenDatabase[]>,
): Promise<Seen> {
  const sent: [string, string][] = []
  for (const path of paths) sent.push([path, await (await fetch(path)).text()])
  return {
    origin: location.origin,
    referrer: document.referrer,
    localStorage: itemsOf(localStorage),
    sessionStorage: itemsOf(sessionStorage),
    cookie: document.cookie,
    sent: Object.fromEntries(sent),
    databases: await databases(describe),
    files: isSecureContext ? await filesIn(await navigator.storage.getDirectory(), "") : null,
    caches: isSecureContext ? await seeCaches() : null,
    workers: isSecureContext ? await seeWorkers() : null,
    context: await seeContext(),
  }

  function itemsOf(storage: Storage): [string, string][] {
    const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "")
    return keys.sort().map((key) => [key, storage.getItem(key) ?? ""])
  }

  async function filesIn(folder: FileSystemDirectoryHandle, path: string): Promise<{ path: string; bytes: string }[]> {
    const files: { path: string; bytes: string }[] = []
    for await (const [name, handle] of folder.entries()) {
      const full = `${path}/${name}`
      if (handle instanceof FileSystemDirectoryHandle) files.push(...(await filesIn(handle, full)))
      else if (handle instanceof FileSystemFileHandle)
        files.push({ path: full, bytes: await hex(await handle.getFile()) })
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  async function seeCaches(): Promise<NonNullable<Seen["caches"]>> {
    const seen: NonNullable<Seen["caches"]> = []
    for (const name of (await caches.keys()).sort()) {
      const cache = await caches.open(name)
      const entries = []
      for (const request of await cache.keys()) {
        const response = await cache.match(request)
        if (response === undefined) continue
        entries.push({ url: request.url, status: response.status, bytes: await hex(await response.blob()) })
      }
      seen.push({ name, entries })
    }
    return seen
  }

  async function seeWorkers(): Promise<NonNullable<Seen["workers"]>> {
    const registrations = await navigator.serviceWorker.getRegistrations()
    return registrations.map(({ scope, active }) => ({ scope, isActive: active !== null }))
  }

  async function seeContext(): Promise<SeenContext> {
    const { locale, timeZone } = Intl.DateTimeFormat().resolvedOptions()
    const hints: unknown = Reflect.get(navigator, "userAgentData")
    return {
      userAgent: navigator.userAgent,
      brands: await describe(typeof hints === "object" && hints !== null ? Reflect.get(hints, "brands") : null),
      languages: [...navigator.languages],
      locale,
      timezone: timeZone,
      colorScheme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
      reducedMotion: matchMedia("(prefers-reduced-motion: reduce)").matches,
      viewport: { width: innerWidth, height: innerHeight, scale: devicePixelRatio },
    }
  }

  async function hex(blob: Blob): Promise<string> {
    const bytes = new Uint8Array(await blob.arrayBuffer())
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  }
}
