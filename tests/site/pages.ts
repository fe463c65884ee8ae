/** The pages of the site under test; see site.ts for what each is for. */

const style = `
  :root { color-scheme: light dark; --ink: #1c2430; --paper: #f4f1ea; --card: #fff; --line: #ddd6c8; --accent: #1f6f5c }
  @media (prefers-color-scheme: dark) { :root { --ink: #e9e6df; --paper: #171b21; --card: #20262e; --line: #343c47; --accent: #58b79d } }
  * { box-sizing: border-box }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
    font: 17px/1.5 system-ui, "DejaVu Sans", sans-serif }
  main { width: min(30rem, calc(100vw - 3rem)); padding: 2.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px }
  header { display: flex; gap: .6rem; align-items: center; margin-bottom: 1.5rem; font-weight: 600; color: var(--accent) }
  header::before { content: ""; width: 1.1rem; height: 1.1rem; border-radius: 50% 50% 50% 0; background: var(--accent) }
  h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; letter-spacing: -.01em }
  p { margin: 0 0 1.25rem; opacity: .8 }
  ul { margin: 0 0 1.5rem; padding: 0; list-style: none; border-top: 1px solid var(--line) }
  li { display: flex; justify-content: space-between; padding: .55rem 0; border-bottom: 1px solid var(--line); font-size: .95rem }
  label { display: block; margin-bottom: 1rem; font-size: .9rem }
  input { display: block; width: 100%; margin-top: .3rem; padding: .65rem .8rem; font: inherit; color: inherit; background: transparent;
    border: 1px solid var(--line); border-radius: 8px }
  button { padding: .7rem 1.4rem; font: inherit; font-weight: 600; color: var(--card); background: var(--accent); border: 0; border-radius: 8px; cursor: pointer }
  button + button { margin-left: .5rem; color: var(--accent); background: transparent; border: 1px solid var(--line) }
  a { color: var(--accent) }
`

function page(title: string, body: string, script = ""): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>${title}</title><style>${style}</style>
<main><header>Fern Library</header>${body}</main><script>${script}</script></html>`
}

/** Says hello to whoever brings all three; else tells which is missing, for people and for tests. */
export function homePage(): string {
  return page(
    "Fern Library",
    `<h1 role="status" id="greeting">One moment …</h1><p id="line"></p><ul id="kinds" hidden></ul>
<div id="in" hidden><button id="logout">Log out</button><button id="replace">Log out and leave</button></div><p id="out" hidden><a href="/login">Log in</a></p>`,
    `const get = (id) => document.getElementById(id)
const names = { cookie: "Session cookie (HttpOnly)", token: "Token in localStorage", tab: "Key of this tab in sessionStorage" }
const show = (missing) => {
  get("kinds").hidden = false
  get("kinds").innerHTML = Object.keys(names).map((kind) => "<li><span>" + names[kind] + "</span><b>" + (missing.includes(kind) ? "missing" : "there") + "</b></li>").join("")
}
fetch("/me", { headers: { "x-token": localStorage.getItem("token") ?? "", "x-tab": sessionStorage.getItem("tab") ?? "" } }).then(async (response) => {
  const answer = await response.json()
  get("greeting").textContent = response.ok ? "Good to see you, " + answer.name : "Who is there?"
  get("line").textContent = response.ok ? "Two books are waiting for you at the desk." : "You are not logged in."
  get(response.ok ? "in" : "out").hidden = false
  show(response.ok ? [] : answer.missing)
})
const logOut = (leave) => async () => {
  await fetch("/logout", { method: "POST" })
  localStorage.clear()
  sessionStorage.clear()
  leave()
}
get("logout").onclick = logOut(() => location.reload())
get("replace").onclick = logOut(() => location.replace("/"))`,
  )
}

export function loginPage(): string {
  return page(
    "Log in · Fern Library",
    `<h1>Log in</h1><p>Your shelf, your loans, your reading lists.</p>
<form><label>Name<input name="name" autocomplete="off" required></label>
<label>Password<input name="password" type="password" autocomplete="off" required></label><button>Log in</button></form>`,
    `document.querySelector("form").onsubmit = async (event) => {
  event.preventDefault()
  const body = JSON.stringify({ name: event.target.name.value })
  const answer = await (await fetch("/login", { method: "POST", body })).json()
  localStorage.setItem("token", answer.token)
  sessionStorage.setItem("tab", answer.tab)
  location.href = "/"
}`,
  )
}

/** `window.seen`: both storages and the window's own names as the first script of the page found them. */
export function probePage(): string {
  return `<!doctype html><script>
const read = (storage) => Array.from({ length: storage.length }, (_, i) => [storage.key(i), storage.getItem(storage.key(i))])
window.seen = { names: Object.getOwnPropertyNames(window), local: read(localStorage), session: read(sessionStorage), cookie: document.cookie, windowName: window.name, history: history.length }
if (location.hash === "#logout") { sessionStorage.clear(); localStorage.clear(); location.hash = ""; location.reload() }
if (location.hash === "#leave") { sessionStorage.clear(); localStorage.clear(); location.replace("/probe?left") }
</script><meta charset="utf-8"><link rel="icon" href="data:,"><title>Probe</title><pre></pre><script>document.querySelector("pre").textContent = JSON.stringify(seen.session)</script>`
}

export function framedPage(src: string): string {
  return `<!doctype html><link rel="icon" href="data:,"><title>Framed</title><iframe src="${encodeURI(src)}"></iframe>`
}

export function serviceWorkerPage(): string {
  return `<!doctype html><link rel="icon" href="data:,"><title>Worker</title><script>
window.ready = navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => true)
</script>`
}

export function serviceWorker(): string {
  return `addEventListener("install", () => skipWaiting())
addEventListener("activate", (event) => event.waitUntil(clients.claim()))
addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate") return
  event.respondWith(fetch("/echo?from=worker").then(() => new Response("<!doctype html><title>From the worker</title>", { headers: { "content-type": "text/html" } })))
})`
}
