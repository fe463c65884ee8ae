/** Small differences, one at a time: what is seen has to differ with each. */

/** Page function: of each pair the first one described twice and the second once. */
export async function describePairs(
  describe: (value: unknown) => Promise<unknown>,
): Promise<[name: string, one: string, again: string, other: string][]> {
  const buffer = new ArrayBuffer(8)
  const shared = {}
  const cycle: unknown[] = []
  cycle.push(cycle)
  const [key, otherKey, hiddenKey] = await Promise.all(
    [[1, true] as const, [2, true] as const, [1, false] as const].map(([byte, extractable]) =>
      crypto.subtle.importKey("raw", new Uint8Array(16).fill(byte), "AES-GCM", extractable, ["encrypt"]),
    ),
  )
  const pairs: [string, unknown, unknown][] = [
    ["zeros", 0, -0],
    ["not a number", NaN, null],
    ["infinities", Infinity, -Infinity],
    ["number and string", 1, "1"],
    ["number and bigint", 1, 1n],
    ["number and boxed", 1, new Number(1)],
    ["boxed string", new String("a"), "a"],
    ["boxed", new Number(0), new Number(-0)],
    ["undefined and null", undefined, null],
    ["undefined and absent", { a: undefined }, {}],
    ["order of properties", { a: 1, b: 2 }, { b: 2, a: 1 }],
    ["lone surrogates", "\ud800", "\ud801"],
    ["lone surrogate and its replacement", "\ud800", "\ufffd"],
    ["own __proto__", JSON.parse('{"__proto__":1}'), {}],
    ["hole and undefined", [,], [undefined]],
    ["length", new Array(2), new Array(3)],
    ["array with a property", Object.assign([1], { a: 1 }), [1]],
    ["array and object", [1], { 0: 1 }],
    ["shared and alike", [shared, shared], [{}, {}]],
    ["cycle", cycle, [[]]],
    ["shared elsewhere", { a: shared, b: {}, c: shared }, { a: shared, b: shared, c: {} }],
    ["date", new Date(0), new Date(1)],
    ["invalid date", new Date(NaN), new Date(0)],
    ["date and number", new Date(5), 5],
    ["flags", /a/g, /a/i],
    ["map and object", new Map([["a", 1]]), { a: 1 }],
    ["order of a map", new Map([["a", 1], ["b", 1]]), new Map([["b", 1], ["a", 1]])], // prettier-ignore
    ["set and array", new Set([1]), [1]],
    ["errors", new TypeError("a"), new RangeError("a")],
    ["message", new Error("a"), new Error("b")],
    ["cause", new Error("a"), new Error("a", { cause: undefined })],
    ["bytes", new Uint8Array([1]), new Uint8Array([2])],
    ["views", new Uint8Array(8), new Int8Array(8)],
    ["clamped", new Uint8Array(8), new Uint8ClampedArray(8)],
    ["offset", new Uint8Array(buffer, 0, 4), new Uint8Array(buffer, 4, 4)],
    ["one buffer and two", [new Uint8Array(buffer), new Uint8Array(buffer)], [new Uint8Array(8), new Uint8Array(8)]],
    ["view and buffer", new DataView(buffer), buffer],
    ["resizable", new ArrayBuffer(8), Reflect.construct(ArrayBuffer, [8, { maxByteLength: 9 }])],
    ["blob type", new Blob(["a"], { type: "text/a" }), new Blob(["a"], { type: "text/b" })],
    ["blob bytes", new Blob(["a"]), new Blob(["b"])],
    ["blob and file", new Blob(["a"]), new File(["a"], "")],
    ["file name", new File(["a"], "a", { lastModified: 1 }), new File(["a"], "b", { lastModified: 1 })],
    ["file date", new File(["a"], "a", { lastModified: 1 }), new File(["a"], "a", { lastModified: 2 })],
    ["image size", new ImageData(2, 1), new ImageData(1, 2)],
    ["rectangles", new DOMRect(1), new DOMRect(2)],
    ["read-only", new DOMRect(1), new DOMRectReadOnly(1)],
    ["points", new DOMPoint(0), new DOMPoint(-0)],
    ["matrices", new DOMMatrix([1, 0, 0, 1, 0, 0]), new DOMMatrix([1, 0, 0, 1, 0, 1])],
    ["quads", new DOMQuad({ x: 1 }), new DOMQuad({ x: 2 })],
    ["keys", key, otherKey],
    ["extractable", key, hiddenKey],
  ]
  const told = async (value: unknown) => JSON.stringify(await describe(value))
  const answers: [string, string, string, string][] = []
  for (const [name, one, other] of pairs) answers.push([name, await told(one), await told(one), await told(other)])
  return answers
}

type Change = typeof changeDatabase

/** Page functions that change one thing of a database each, one after the other; `changeDatabase` comes by parameter. */
export const databaseChanges: ((change: Change) => Promise<void>)[] = [
  (change) => change("app", 7, (_, store) => store("values").put(0, "minus zero")),
  (change) => change("app", 7, (_, store) => store("keys").delete("")),
  (change) =>
    change("app", 7, (_, store) => {
      store("auto").put("leaves nothing but a moved key generator", 6)
      store("auto").delete(6)
    }),
  (change) => change("app", 8, () => undefined),
  (change) => change("app", 9, (db) => db.createObjectStore("one more")),
  (change) => change("app", 10, (_, store) => store("indexed").deleteIndex("by tag")),
  (change) => change("app", 11, (_, store) => store("indexed").createIndex("by tag", "tags")),
  (change) => change("one more", 1, () => undefined),
]

/** Page function: does this in an upgrade where the version is a new one, and in a plain transaction where it is not. */
export async function changeDatabase(
  name: string,
  version: number,
  edit: (db: IDBDatabase, store: (name: string) => IDBObjectStore) => unknown,
): Promise<void> {
  const { db, isUpgraded } = await new Promise<{ db: IDBDatabase; isUpgraded: boolean }>((resolve, reject) => {
    const request = indexedDB.open(name, version)
    let isUpgraded = false
    request.onupgradeneeded = () => {
      isUpgraded = true
      edit(request.result, (store) => {
        if (request.transaction === null) throw new Error("No upgrade")
        return request.transaction.objectStore(store)
      })
    }
    request.onsuccess = () => resolve({ db: request.result, isUpgraded })
    request.onerror = () => reject(request.error ?? new Error("Failed"))
  })
  if (!isUpgraded) {
    const transaction = db.transaction([...db.objectStoreNames], "readwrite")
    edit(db, (store) => transaction.objectStore(store))
    await new Promise((resolve) => (transaction.oncomplete = resolve))
  }
  db.close()
}

/** Page functions that change one thing outside of databases each. */
export const pageChanges: (() => unknown)[] = [
  () => localStorage.setItem("token", "another value"),
  () => localStorage.removeItem("low \udc00 and high \ud800"),
  () => sessionStorage.setItem("tab", "another"),
  () => (document.cookie = "host_only=changed; Path=/"),
  () => (document.cookie = "deep=changed; Path=/account"),
  () => (document.cookie = "empty=; Path=/; Max-Age=0"),
  async () => (await navigator.storage.getDirectory()).removeEntry("empty"),
  async () => (await caches.open("app v1")).put("/api/me", new Response("changed")),
  () => caches.delete("empty 🌿"),
  () => navigator.serviceWorker.register("/worker.js"),
]
