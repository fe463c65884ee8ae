import { partitionedCookies, plainCookies, secureCookies, unportableCookies, unportableItems } from "./fill-cookies.js"
import { fillCaches, fillOpfs, fillWorker, workerScript } from "./fill-files.js"
import { fillIndexedDb } from "./fill-indexeddb.js"
import { fillStorage, oddItems, tabItems } from "./fill-storage.js"
import { makeValues } from "./fill-values.js"
import { callOf, page, promised, type Route } from "./route.js"

/** Pages that fill one kind of state each; `window.filled` says when it is done. */
export const fillRoutes: Record<string, Route> = {
  "/empty": () => page("Nothing happens here"),
  "/fill/cookies": ({ secure }) => ({
    ...page("Cookies", promised("filled", "null")),
    cookies: [...plainCookies, ...(secure ? secureCookies : [])],
  }),
  "/fill/partitioned": ({ url }) => ({
    ...page("Partitioned cookies", promised("filled", "null")),
    cookies: partitionedCookies(url.searchParams.get("label") ?? "partitioned"),
  }),
  "/fill/unportable": () => ({
    ...page("A session that stays at home", promised("filled", callOf(fillStorage, "local", unportableItems))),
    cookies: unportableCookies,
    headers: { "secure-session-registration": '(ES256);path="/dbsc/start";challenge="conformance"' },
  }),
  "/fill/local": () => page("localStorage", promised("filled", callOf(fillStorage, "local", oddItems))),
  "/fill/session": ({ url }) => {
    const items = tabItems(url.searchParams.get("tab") ?? "one")
    return page("sessionStorage", promised("filled", callOf(fillStorage, "session", items)))
  },
  "/fill/indexeddb": () => page("IndexedDB", promised("filled", callOf(fillIndexedDb, makeValues))),
  "/fill/opfs": () => page("Files", promised("filled", callOf(fillOpfs))),
  "/fill/caches": () => page("Caches", promised("filled", callOf(fillCaches))),
  "/fill/worker": () => page("Service worker", promised("filled", callOf(fillWorker))),
  "/worker.js": () => ({ type: "text/javascript", body: workerScript }),
  "/fill/frame": ({ url }) => {
    const label = url.searchParams.get("label") ?? "framed"
    return { ...page("A frame", promised("filled", callOf(fillFrame, label))), cookies: partitionedCookies(label) }
  },
  "/redirect-from-idp": ({ host, secure, origin }) => {
    const to = encodeURIComponent(`${origin(host, { secure })}/signed-in`)
    return { status: 302, headers: { location: `${origin("login.idp.test")}/login?to=${to}` }, body: "" }
  },
  "/login": ({ url }) => ({
    ...page("Identity provider", promised("filled", callOf(offerLogin, url.searchParams.get("to") ?? ""))),
    cookies: ["idp_session=at the provider; Path=/; Secure; HttpOnly; SameSite=None"],
  }),
  "/login/done": ({ url }) => ({ status: 302, headers: { location: url.searchParams.get("to") ?? "/" }, body: "" }),
}

/** Page function: a little of everything that a third-party frame can keep. */
async function fillFrame(label: string): Promise<void> {
  localStorage.setItem("frame", label)
  sessionStorage.setItem("frame", label)
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open("frame", 2)
    request.onupgradeneeded = () => request.result.createObjectStore("items", { autoIncrement: true }).add(label)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error("Failed"))
  })
  db.close()
}

/** Page function: a form that goes back to who asked, as a person's click would. */
function offerLogin(to: string): void {
  localStorage.setItem("idp", "a key of the provider")
  const form = document.createElement("form")
  form.action = "/login/done"
  const field = Object.assign(document.createElement("input"), { name: "to", value: to, type: "hidden" })
  form.append(field)
  document.body.append(form)
}
