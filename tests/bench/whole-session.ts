import type { BrowserContext, Page } from "@playwright/test"
import { pageExpression } from "../../shared/adapters/page-expression.js"

/** How much a session of the benches holds, spread evenly over its origins. */
export interface WholeSize {
  title: string
  cookies: number
  origins: number
  /** Of localStorage, in all. */
  characters: number
  /** Of IndexedDB, in all; each is about 1.25 kB. */
  records: number
}

export const smallWhole: WholeSize = {
  title: "100 cookies, 3 MB over 3 origins, 2,000 records (2.5 MB)",
  cookies: 100,
  origins: 3,
  characters: 3_000_000,
  records: 2_000,
}

export const largeWhole: WholeSize = {
  title: "1,000 cookies, 16 MB over 4 origins, 20,000 records (25 MB)",
  cookies: 1_000,
  origins: 4,
  characters: 16_000_000,
  records: 20_000,
}

export const site = "bench.test"
const hosts = ["app", "login", "api", "www"].map((name) => `${name}.${site}`)

/** A browser keeps 180 cookies of one site: more of them live on sites that the login leans on. */
const cookiesOfSite = 170

/** The sites of a session beside its own. */
export function alsoSitesOf({ cookies }: WholeSize): string[] {
  return Array.from({ length: Math.ceil(cookies / cookiesOfSite) - 1 }, (_, index) => `bench-${index + 1}.test`)
}

/** Fills the cookie jar, and each origin from a page of its own, which stays open. */
export async function fillWhole(context: BrowserContext, port: number, size: WholeSize): Promise<[Page, ...Page[]]> {
  const sites = [site, ...alsoSitesOf(size)]
  await context.addCookies(
    Array.from({ length: size.cookies }, (_, index) => {
      const of = sites[Math.floor(index / cookiesOfSite)] ?? site
      return {
        name: `cookie-${index}`,
        value: "v".repeat(20 + (index % 7) * 20),
        path: "/",
        // A host-only cookie of a host that is open nowhere would be a gap of its own.
        domain: index % 2 === 0 && of === site ? `app.${of}` : `.${of}`,
        httpOnly: index % 3 === 0,
        expires: index % 5 === 0 ? -1 : Math.round(Date.now() / 1000) + 86_400,
      }
    }),
  )
  const pages: Page[] = []
  for (const host of hosts.slice(0, size.origins)) {
    const page = await context.newPage()
    await page.goto(`http://${host}:${port}/blank`)
    const at = pages.length
    const shareOf = (all: number) => Math.floor((all * (at + 1)) / size.origins) - Math.floor((all * at) / size.origins)
    const share = { characters: shareOf(size.characters), records: shareOf(size.records), seed: at + 1 }
    await page.evaluate(pageExpression(fillOrigin, share))
    pages.push(page)
  }
  const [first, ...others] = pages
  if (first === undefined) throw new Error("No page")
  return [first, ...others]
}

/** What an app keeps: documents as JSON in localStorage, records in two stores. Every tenth one has a Date. */
async function fillOrigin({
  characters,
  records,
  seed,
}: {
  characters: number
  records: number
  seed: number
}): Promise<void> {
  let state = seed
  const word = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state.toString(36)
  }
  const words = (length: number) => {
    let text = ""
    while (text.length < length) text += `${word()} `
    return text.slice(0, length)
  }
  const items = Math.round(characters / 10_000)
  for (let i = 0; i < items; i++) {
    const documents = Array.from({ length: 20 }, (_, at) => ({ id: at, token: words(200), title: words(150) }))
    const text = JSON.stringify(documents)
    localStorage.setItem(`document-${i}`, text + " ".repeat(Math.max(0, 10_000 - text.length)))
  }
  sessionStorage.setItem("tab", words(100))
  const asked = indexedDB.open("app", 3)
  asked.onupgradeneeded = () => {
    const messages = asked.result.createObjectStore("messages", { keyPath: "id" })
    messages.createIndex("thread", "thread")
    asked.result.createObjectStore("cache", { autoIncrement: true })
  }
  await new Promise((resolve, reject) => {
    asked.onsuccess = resolve
    asked.onerror = reject
  })
  const writing = asked.result.transaction(["messages", "cache"], "readwrite")
  for (let i = 0; i < records; i++) {
    const record = {
      id: i,
      thread: word(),
      title: words(60),
      isRead: i % 2 === 0,
      at: i % 10 === 0 ? new Date(1_700_000_000_000 + i) : 1_700_000_000_000 + i,
      tags: [word(), word(), word()],
      from: { name: words(20), address: `${word()}@example.com` },
      body: words(1000),
    }
    if (i % 2 === 0) writing.objectStore("messages").put(record)
    else writing.objectStore("cache").put(record)
  }
  await new Promise((resolve, reject) => {
    writing.oncomplete = resolve
    writing.onabort = reject
  })
  asked.result.close()
}
