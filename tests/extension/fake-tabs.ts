/** The part of a browser that a capture looks at: tabs with documents, cookies, permissions. */
export interface FakeTab {
  id: number
  url: string
  discarded?: boolean
  incognito?: boolean
  /** Firefox says the store on the tab. */
  cookieStoreId?: string
  /** What `readStorage` finds in each document, the top one first; an error is what the browser says instead. */
  frames: FakeFrame[] | Error | "silent"
  databases?: number
}

export interface FakeFrame {
  origin: string
  local?: [string, string][] | null
  session?: [string, string][] | null
  ancestors?: string[] | null
  frames?: string[]
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
}

export const world: FakeWorld = { tabs: [], cookies: [], granted: true, asked: [] }

const defaults = { discarded: false, incognito: false }

interface Injection {
  target: { tabId: number; allFrames?: boolean }
  func: { name: string }
  args?: [{ local: boolean; session: boolean }]
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
    async executeScript({ target, func, args }: Injection) {
      const tab = world.tabs.find(({ id }) => id === target.tabId)
      if (tab === undefined) throw new Error("No tab with id")
      if (tab.frames instanceof Error) throw tab.frames
      if (tab.frames === "silent") return new Promise<never>(() => undefined)
      if (func.name === "readContext") return [{ result: JSON.stringify(context) }]
      if (func.name === "countDatabases") return [{ result: JSON.stringify({ databases: tab.databases ?? 0 }) }]
      return tab.frames.map((frame) => ({ result: JSON.stringify(answerOf(frame, args?.[0])) }))
    },
  },
}

function answerOf(frame: FakeFrame, wanted: { local: boolean; session: boolean } | undefined) {
  const { origin, local = [], session = [], ancestors = [], frames = [] } = frame
  return {
    origin,
    url: `${origin}/`,
    local: wanted?.local === true ? local : undefined,
    session: wanted?.session === true ? session : undefined,
    errors: local === null ? { localStorage: "SecurityError" } : {},
    ancestors,
    frames,
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
