import { fileURLToPath } from "node:url"
import { expect, test } from "@playwright/test"
import { build } from "esbuild"
import { Miniflare, Response as WorkerResponse, WebSocketPair, type Request as WorkerRequest } from "miniflare"
import { WebSocket } from "ws"
import { createCard, createIdentity, identityToText } from "../../shared/keys.js"
import { createKvProvider, type KvNamespace } from "../../shared/providers/cloudflare-kv.js"
import { openVault } from "../../shared/vault.js"
import { cookie, sessionOf } from "../contracts/adapter-contract.js"
import { startRunningChromium, type RunningChromium } from "../servers/chromium.js"
import { startSite, type Site } from "../site/site.js"

const root = new URL("../../", import.meta.url)
const entry = (path: string) => fileURLToPath(new URL(path, root))

let site: Site
let chromium: RunningChromium
let miniflare: Miniflare

test.beforeAll(async () => {
  site = await startSite({ hostname: "app.fern.test" })
  chromium = await startRunningChromium()
})
test.afterAll(async () => {
  await chromium.stop()
  await site.close()
})

/** What Browser Rendering answers to @cloudflare/puppeteer, with a local Chromium behind it: a stand-in for Cloudflare's. */
function browserBinding(request: WorkerRequest): WorkerResponse {
  if (request.headers.get("upgrade") !== "websocket") return WorkerResponse.json({ sessionId: "local" })
  const [client, server] = Object.values(new WebSocketPair())
  if (client === undefined || server === undefined) throw new Error("No websockets here")
  const socket = new WebSocket(chromium.socket)
  const early: string[] = []
  server.accept()
  server.addEventListener("message", ({ data }) => {
    if (typeof data !== "string") return
    if (socket.readyState === WebSocket.OPEN) socket.send(data)
    else early.push(data)
  })
  server.addEventListener("close", () => socket.close())
  socket.on("open", () => {
    for (const message of early) socket.send(message)
  })
  socket.on("message", (data: Buffer) => server.send(data.toString()))
  socket.on("close", () => server.close())
  return new WorkerResponse(null, { status: 101, webSocket: client })
}

test("the example Worker opens a session from KV inside workerd, and its browser sends the cookie", async () => {
  const { outputFiles } = await build({
    entryPoints: [entry("docs/examples/cloudflare-worker/worker.ts")],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    platform: "browser",
    conditions: ["workerd", "worker"],
    external: ["node:*"],
    alias: {
      "persistent-sessions": entry("shared/index.ts"),
      "persistent-sessions/cloudflare-workers": entry("shared/adapters/cloudflare-workers.ts"),
      "persistent-sessions/providers/cloudflare-kv": entry("shared/providers/cloudflare-kv.ts"),
      "@cloudflare/puppeteer": entry("node_modules/@cloudflare/puppeteer/lib/esm/puppeteer/puppeteer-cloudflare.js"),
    },
    logLevel: "silent",
  })
  const owner = await createIdentity("laptop")
  miniflare = new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2025-07-01",
    compatibilityFlags: ["nodejs_compat"],
    kvNamespaces: ["SESSIONS"],
    serviceBindings: { BROWSER: browserBinding },
    bindings: { PSP_IDENTITY: identityToText(owner), PSP_OWNER: await createCard(owner) },
  })
  try {
    const namespace = (await miniflare.getKVNamespace("SESSIONS")) as unknown as KvNamespace
    const vault = await openVault(createKvProvider({ namespace }), { identity: owner })
    await vault.save(sessionOf(site.origin, { cookies: [cookie()], local: [["token", "1"]], session: [["tab", "2"]] }))
    const answer = await miniflare.dispatchFetch(`http://worker.test/?url=${site.origin}/probe`)
    const restored = { cookies: 1, localStorage: 1, sessionStorage: 1 }
    expect(await answer.json()).toEqual({ title: "Probe", restored, gaps: [] })
    expect(site.requests.map(({ path, cookie: sent }) => [path, sent])).toEqual([["/probe", "sid=abc"]])
  } finally {
    await miniflare.dispose()
  }
})
