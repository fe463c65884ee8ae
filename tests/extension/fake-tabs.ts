import { createDatabaseReader } from "../../shared/page/database-reader.js"
import type { PageCounts, ReadPage } from "../../shared/page/read-page.js"
import { createStructuredCodec } from "../../shared/structured.js"

/** The part of a browser that a capture looks at: tabs with documents, cookies, permissions. */
export interface FakeTab {
  id: number
  url: string
  discarded?: boolean
  incognito?: boolean
  /** Firefox says the store on the tab. */
  cookieStoreId?: string
  /** What `readPage` finds in each document, the top one first; an error is what the browser says instead. */
  frames: FakeFrame[] | Error | "silent"
  /** How often the browser refuses before it lets the extension in. */
  refusals?: number
}

export interface FakeFrame {
  origin: string
  local?: [string, string][] | null
  session?: [string, string][] | null
  ancestors?: string[] | null
  frames?: string[]
  counts?: Partial<PageCounts>
}

export interface FakeCookie {
  name: string
  domain: string
  [field: string]: unknown
}

export interface FakeWorld {
  tabs: FakeTab[]
  cookies: FakeCookie[]
  granted: boolean
  asked: unknown[]
  /** Documents that were asked what they hold. */
  read: string[]
  /** Documents (`<tab> <frame>`) that were left since they were seen. */
  left: Set<string>
  /** Documents that were left since they were read. */
  gone: Set<string>
}

export const world: FakeWorld = {
  tabs: [],
  cookies: [],
  granted: true,
  asked: [],
  read: [],
  left: new Set(),
  gone: new Set(),
}

const defaults = { discarded: false, incognito: false }

interface Injection {
  target: { tabId: number; allFrames?: boolean; documentIds?: string[] }
  func?: ((...args: unknown[]) => unknown) | undefined
  files?: string[] | undefined
  args?: unknown[]
}

export const fakeBrowser = {
  permissions: { contains: async () => world.granted },
  tabs: {
    async get(id: number) {
      const tab = world.tabs.find((one) => one.id === id)
      if (tab === undefined) throw new Error("No tab with id")
      return { ...defaults, ...tab }
    },
    query: async () => world.tabs.map((tab) => ({ ...defaults, ...tab })),
  },
  /** Firefox's; throws for a store that is no container. */
  contextualIdentities: {
    async get(id: string) {
      if (id !== "firefox-container-2") throw new Error("Invalid contextual identity")
      return { name: "Work" }
    },
  },
  cookies: {
    getAllCookieStores: async () => [
      { id: "0", tabIds: world.tabs.filter(({ incognito }) => incognito !== true).map(({ id }) => id) },
      { id: "1", tabIds: world.tabs.filter(({ incognito }) => incognito === true).map(({ id }) => id) },
    ],
    getAll: async (details: unknown) => {
      world.asked.push(details)
      return world.cookies
    },
  },
  scripting: {
    async executeScript({ target, func, args = [], files }: Injection) {
      const tab = world.tabs.find(({ id }) => id === target.tabId)
      if (tab === undefined) throw new Error("No tab with id")
      if (tab.frames instanceof Error) throw tab.frames
      if ((tab.refusals ?? 0) > 0) {
        tab.refusals = (tab.refusals ?? 0) - 1
        throw new Error("Cannot access contents of the page")
      }
      if (tab.frames === "silent") return new Promise<never>(() => undefined)
      if (target.documentIds !== undefined) return askDocument(tab, target.documentIds[0] ?? "", { func, args, files })
      if (func?.name === "readContext") return [{ frameId: 0, result: JSON.stringify(context) }]
      return tab.frames.map((frame, frameId) => ({
        frameId,
        documentId: `${tab.id} ${frameId}`,
        result: JSON.stringify(answerOf(frame, args[0] as ReadPage)),
      }))
    },
  },
}

/** Scripts run here, as they are: against the IndexedDB of this process, which a test makes a fake one. */
async function askDocument(tab: FakeTab, documentId: string, { func, args = [], files }: Omit<Injection, "target">) {
  if (func?.name === "readPage") {
    const frame = (tab.frames as FakeFrame[])[Number(documentId.split(" ")[1])]
    if (frame === undefined || world.left.has(documentId)) throw new Error("No document with id")
    world.read.push(documentId)
    return [{ frameId: 0, result: JSON.stringify(answerOf(frame, args[0] as ReadPage)) }]
  }
  if (world.gone.has(documentId)) throw new Error("No document with id")
  if (files !== undefined) {
    Object.assign(globalThis, { pspDatabaseReader: createDatabaseReader(createStructuredCodec()) })
    return [{ frameId: 0, result: null }]
  }
  return [{ frameId: 0, result: func === undefined ? null : await func(...args) }]
}

function answerOf(frame: FakeFrame, wanted: ReadPage) {
  const { origin, local = [], session = [], ancestors = [], frames = [] } = frame
  const none: PageCounts = {
    databases: [],
    opfs: { files: 0, bytes: 0 },
    cacheStorage: { caches: 0, entries: 0 },
    serviceWorkers: { scopes: 0 },
  }
  return {
    origin,
    url: `${origin}/`,
    ...(wanted.local ? { local } : {}),
    ...(wanted.session ? { session } : {}),
    errors: local === null ? { localStorage: "SecurityError" } : {},
    ancestors,
    frames,
    referrer: "",
    ...(wanted.counts ? { counts: { ...none, ...frame.counts } } : {}),
  }
}

export const context = {
  userAgent: "Mozilla/5.0 Chrome/156.0.0.0",
  clientHints: null,
  languages: ["en"],
  timezone: "Europe/Vienna",
  viewport: { width: 800, height: 600, scale: 1 },
  colorScheme: "dark",
}
