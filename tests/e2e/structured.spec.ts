import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { chromium, expect, test, type Browser, type Page } from "@playwright/test"
import puppeteer, { type Browser as Firefox } from "puppeteer-core"
import { createStructuredCodec, type Encoded } from "../../shared/structured.js"
import { differenceBetween } from "../shared/same-graph.js"
import { runStructuredCases, structuredCases, type StructuredCase } from "../shared/structured-cases.js"
import { startSite, type Site } from "../site/site.js"
import { chromiumArgs, chromiumPath } from "./browser.js"

/** The value codec in every world that it works in, on what IndexedDB really gives back there. */

const candidates = [process.env["PSP_FIREFOX"], "/usr/bin/firefox-esr", "/usr/bin/firefox"]
const firefoxPath = candidates.find((candidate) => candidate !== undefined && existsSync(candidate))

let site: Site

test.beforeAll(async () => {
  site = await startSite()
})

test.afterAll(() => site.close())

test.describe("in Chromium", () => {
  let browser: Browser
  let page: Page

  test.beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArgs })
  })

  test.afterAll(() => browser.close())

  test.beforeEach(async () => {
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${site.port}/blank`)
  })

  test("the page's own world gets back what IndexedDB held", async () => {
    expect(await page.evaluate(suite)).toEqual(nothingWrong)
  })

  test("an isolated world gets back what IndexedDB held", async () => {
    const session = await page.context().newCDPSession(page)
    const { frameTree } = await session.send("Page.getFrameTree")
    const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id })
    const { result } = await session.send("Runtime.evaluate", {
      expression: suite,
      contextId: executionContextId,
      awaitPromise: true,
      returnByValue: true,
    })
    expect(result.value).toEqual(nothingWrong)
  })

  test("a page that lies about everything that a page can lie about changes nothing", async () => {
    const session = await page.context().newCDPSession(page)
    // Not through Playwright, which needs a sane page for its answers.
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression: `(${lieToCodec.toString()})(${createStructuredCodec.toString()})`,
      awaitPromise: true,
    })
    expect(exceptionDetails?.exception?.description).toBeUndefined()
    expect(result.value).toBe("")
  })

  test("a context that is not secure refuses a CryptoKey and names the place", async () => {
    await page.goto(`http://app.fern.test:${site.port}/blank`)
    const text = '{"user":{"key":{"$":["CryptoKey",{"kty":"oct","k":"AA"},{"name":"AES-GCM"},["encrypt"]]}}}'
    const decode = `(${createStructuredCodec.toString()})().decode(${JSON.stringify(text)})`
    expect(await page.evaluate(`${decode}.catch(({ name, message }) => name + ": " + message)`)).toBe(
      "DecodeError: Cannot decode a value at .*.*: its CryptoKey cannot be imported here",
    )
  })
})

test.describe("in Firefox", () => {
  test.skip(firefoxPath === undefined, "no Firefox on this machine: say where one is in PSP_FIREFOX")
  test.setTimeout(120_000)
  let browser: Firefox
  let extension: string

  test.beforeAll(async () => {
    extension = await mkdtemp(path.join(tmpdir(), "psp-xray-"))
    const manifest = {
      manifest_version: 3,
      name: "Reads through Xrays",
      version: "1",
      browser_specific_settings: { gecko: { id: "xray@test", data_collection_permissions: { required: ["none"] } } },
      host_permissions: ["http://127.0.0.1/*"],
      content_scripts: [{ matches: ["http://127.0.0.1/*"], js: ["content.js"], run_at: "document_start" }],
    }
    await writeFile(path.join(extension, "manifest.json"), JSON.stringify(manifest))
    await writeFile(
      path.join(extension, "content.js"),
      `(${encodeOnDemand.toString()})(${createStructuredCodec.toString()}, ${readStored.toString()})`,
    )
    browser = await puppeteer.launch({ browser: "firefox", executablePath: firefoxPath ?? "", headless: true })
    await browser.installExtension(extension)
  })

  test.afterAll(async () => {
    await browser.close()
    await rm(extension, { recursive: true, force: true })
  })

  test("the page's own world gets back what IndexedDB held", async () => {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${site.port}/blank`)
    expect(await page.evaluate(suite)).toEqual(nothingWrong)
  })

  test("a page that lies about everything that a page can lie about changes nothing", async () => {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${site.port}/blank`)
    expect(await page.evaluate(`(${lieToCodec.toString()})(${createStructuredCodec.toString()})`)).toBe("")
  })

  test("a content script carries what it sees through Xrays only", async () => {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${site.port}/blank`)
    const storable = structuredCases.filter(({ isUnstorable }) => isUnstorable !== true)
    const stored = `const cases = ${casesText(storable)}; const readStored = ${readStored.toString()}`
    await page.evaluate(`(async () => { ${stored}; await (${storeAll.toString()})(cases) })()`)
    await page.evaluate(() => dispatchEvent(new CustomEvent("encode")))
    await page.waitForFunction(() => document.title === "encoded")
    const parts = [createStructuredCodec, differenceBetween].map((part) => part.toString()).join(", ")
    const wrong = await page.evaluate(
      `(async () => { ${stored}; return (${compareStored.toString()})(cases, readStored, ${parts}) })()`,
    )
    expect(wrong).toEqual([])
  })
})

const nothingWrong = {
  wrong: [],
  // A page has shared memory only when it asked to be isolated from others.
  left: ["shared memory"],
}

/** The whole list of cases, as an expression for any page. */
const suite = `(async () => {
  const throughIndexedDB = ${throughIndexedDB.toString()}
  const isHere = ({ needs }) => needs === undefined || needs in globalThis
  const cases = ${casesText(structuredCases)}
  const run = ${runStructuredCases.toString()}
  const wrong = await run(
    ${createStructuredCodec.toString()},
    ${differenceBetween.toString()},
    cases.filter(isHere),
    throughIndexedDB,
  )
  return { wrong, left: cases.filter((one) => !isHere(one)).map(({ name }) => name) }
})()`

function casesText(cases: StructuredCase[]): string {
  const texts = cases.map((structuredCase) => {
    const fields = Object.entries(structuredCase).map(
      ([key, value]) => `${key}: ${typeof value === "function" ? String(value) : JSON.stringify(value)}`,
    )
    return `{ ${fields.join(", ")} }`
  })
  return `[${texts.join(", ")}]`
}

/** In a page: what IndexedDB makes of a value. */
async function throughIndexedDB(value: unknown): Promise<unknown> {
  const settled = <Result>(request: IDBRequest<Result>) =>
    new Promise<Result>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error ?? new Error("IndexedDB"))
    })
  const opening = indexedDB.open("through", 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore("values")
  const database = await settled(opening)
  try {
    const store = database.transaction("values", "readwrite").objectStore("values")
    await settled(store.put(value, 1))
    return (await settled(store.get(1))) as unknown
  } finally {
    database.close()
  }
}

/** In a page: all values, by their places in the list. */
async function storeAll(cases: StructuredCase[]): Promise<void> {
  const values = await Promise.all(cases.map(({ build, needs }) => (!needs || needs in globalThis ? build() : null)))
  const opening = indexedDB.open("stored", 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore("values")
  await new Promise((opened) => (opening.onsuccess = opened))
  const transaction = opening.result.transaction("values", "readwrite")
  values.forEach((value, place) => transaction.objectStore("values").put(value, place))
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"))
  })
  opening.result.close()
}

/**
 * In a page or a content script. In a content script of Firefox, what a cursor holds is made in its own world, and what a
 * request answers is made in the page's and seen through Xrays.
 */
async function readStored(way: "cursor" | "getAll"): Promise<unknown[]> {
  const opening = indexedDB.open("stored")
  await new Promise((opened) => (opening.onsuccess = opened))
  const store = opening.result.transaction("values").objectStore("values")
  const values: unknown[] = []
  if (way === "getAll") {
    const all = store.getAll()
    await new Promise((read) => (all.onsuccess = read))
    values.push(...(all.result as unknown[]))
  } else {
    const cursor = store.openCursor()
    await new Promise<void>((read) => {
      cursor.onsuccess = () => {
        if (cursor.result === null) {
          read()
          return
        }
        values.push(cursor.result.value)
        cursor.result.continue()
      }
    })
  }
  opening.result.close()
  return values
}

/** In a content script: the texts go through the document, as the page's world is another one. */
function encodeOnDemand(createCodec: typeof createStructuredCodec, read: typeof readStored): void {
  addEventListener("encode", () => {
    const encodeAll = async () => {
      const codec = createCodec()
      const encoded: Encoded[][] = []
      const all = await read("getAll")
      for (const values of [await read("cursor"), all]) {
        const texts: Encoded[] = []
        for (const value of values) texts.push(await codec.encode(value))
        encoded.push(texts)
      }
      // In a list of this world, where each value has its own Xray.
      encoded.push([await codec.encode({ all })])
      document.documentElement.setAttribute("data-encoded", JSON.stringify(encoded))
    }
    encodeAll()
      .catch((error: unknown) => document.documentElement.setAttribute("data-encoded", String(error)))
      .finally(() => (document.title = "encoded"))
  })
}

/** In the page whose values the content script encoded. */
async function compareStored(
  cases: StructuredCase[],
  read: typeof readStored,
  createCodec: typeof createStructuredCodec,
  differenceOf: typeof differenceBetween,
): Promise<string[]> {
  const wrong: string[] = []
  const text = document.documentElement.getAttribute("data-encoded") ?? ""
  const [byCursor = [], byGetAll = [], [together] = []] = JSON.parse(text) as Encoded[][]
  const codec = createCodec()
  const values = await read("getAll")
  const { all } = (await codec.decode(together?.text ?? "")) as { all: unknown[] }
  for (const [place, { name, expected, gaps = [], needs, check }] of cases.entries()) {
    if (needs && !(needs in globalThis)) continue
    const wanted = () => (expected === undefined ? values[place] : expected(values[place] as never))
    const compare = async (way: string, decoded: unknown) => {
      const difference = (await differenceOf(await wanted(), decoded)) ?? check?.(decoded as never) ?? null
      if (difference !== null) wrong.push(`${name}, ${way}: ${difference}`)
    }
    for (const [way, list] of Object.entries({ cursor: byCursor, getAll: byGetAll })) {
      const { text = "", gaps: found = [] } = list[place] ?? {}
      await compare(way, await codec.decode(text))
      const paths = found.map(({ path, what }) => `${path}: ${what}`).join("; ")
      if (paths !== gaps.join("; ")) wrong.push(`${name}, ${way}: gaps ${paths}`)
    }
    await compare("in a list", all[place])
  }
  return wrong
}

/* eslint-disable @typescript-eslint/prefer-for-of -- the iterators lie */

/** In a page: what a codec writes and reads in a clean world, it writes and reads in every other. `""` when all is well. */
async function lieToCodec(createCodec: typeof createStructuredCodec): Promise<string> {
  const shared = { a: [1, "é", -0], x: new Map<unknown, unknown>([[1, new Set([new Date(5)])]]) }
  const value = {
    shared,
    sparse: Object.assign([1, , 3], { more: shared }),
    bytes: [new Uint16Array([1, 2]), new DataView(new ArrayBuffer(3), 1)],
    error: new RangeError("r", { cause: shared }),
    odd: [/a/giu, Object("b"), 5n, undefined, { $: 1 }],
    dom: [new DOMRect(1, 2, 3, 4), new DOMMatrix([1, 2, 3, 4, 5, 6]), new ImageData(1, 1)],
    blob: new Blob(["abc"], { type: "text/plain" }),
    file: new File(["d"], "name"),
    key: await crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt", "decrypt"]),
  }
  const plain = { list: [1, 2, { a: "b" }], text: "é" }
  const early = createCodec()
  const { text } = await early.encode(value)
  const { text: plainText } = await early.encode(plain)
  let wrong = ""
  const compare = async (codec: ReturnType<typeof createCodec>, when: string) => {
    if ((await codec.encode(value)).text !== text) wrong += `${when}: encodes something else; `
    if ((await codec.encode(plain)).text !== plainText) wrong += `${when}: encodes plain data as something else; `
    if ((await codec.encode(await codec.decode(text))).text !== text) wrong += `${when}: decodes something else; `
    if ((await codec.encode(codec.decode(plainText))).text !== plainText) wrong += `${when}: decodes plain data wrong; `
  }
  await compare(early, "clean")

  // What old libraries and odd pages do to prototypes before anybody else comes.
  const lie = () => "a lie"
  for (const { prototype } of [Object, Array, String, Number, Date, Map] as { prototype: object }[]) {
    Object.defineProperty(prototype, "toJSON", { value: lie, configurable: true, writable: true })
  }
  for (const name of ["0", "1", "2", "3", "a", "get", "set", "gap", "source", "names", "later", "cause", "type", "$"]) {
    const accessor = { __proto__: null, get: () => undefined, set: () => undefined, configurable: true }
    Object.defineProperty(Object.prototype, name, accessor as PropertyDescriptor)
  }
  const methods = ["push", "map", "forEach", "concat", "slice", Symbol.iterator]
  const replaced = { __proto__: null, value: lie } as PropertyDescriptor
  for (let i = 0; i < methods.length; i++) Object.defineProperty(Array.prototype, methods[i] ?? "", replaced)
  const late = createCodec()
  await compare(early, "early, prototypes changed")
  await compare(late, "late, prototypes changed")

  // And everything that can be replaced at all.
  const { getOwnPropertyDescriptor, defineProperty, getOwnPropertyNames, setPrototypeOf } = Object
  const { ownKeys, getPrototypeOf } = Reflect
  const globals = globalThis as unknown as Record<string, unknown>
  const owners: object[] = setPrototypeOf(
    [JSON, Reflect, getPrototypeOf(Uint8Array.prototype), crypto],
    null,
  ) as object[]
  const names = getOwnPropertyNames(globalThis)
  for (let i = 0; i < names.length; i++) {
    const found = globals[names[i] ?? ""]
    if (typeof found !== "function") continue
    owners[owners.length] = found
    const { prototype } = found as { prototype?: unknown }
    if (typeof prototype === "object" && prototype !== null) owners[owners.length] = prototype
  }
  const refuse = () => {
    throw new Error("a lie")
  }
  for (let i = 0; i < owners.length; i++) {
    const owner = owners[i] ?? {}
    const keys = ownKeys(owner)
    for (let j = 0; j < keys.length; j++) {
      const key = keys[j] ?? ""
      const found = getOwnPropertyDescriptor(owner, key)
      if (found?.configurable !== true || key === "constructor" || key === "prototype") continue
      const isAccessor = found.value === undefined
      const lies = isAccessor ? { __proto__: null, get: refuse, set: refuse } : { __proto__: null, value: refuse }
      try {
        defineProperty(owner, key, lies as PropertyDescriptor)
      } catch {
        // Some owners (cross-origin objects, the window's own) let nothing be replaced.
      }
    }
  }
  await compare(early, "early, all replaced")
  await compare(late, "late, all replaced")
  return wrong
}
