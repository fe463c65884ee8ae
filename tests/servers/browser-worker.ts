import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { Miniflare, Response as WorkerResponse, WebSocketPair, type Request as WorkerRequest } from "miniflare"
import { WebSocket } from "ws"
import type { RunningChromium } from "./chromium.js"

const root = new URL("../../", import.meta.url)
const entry = (path: string) => fileURLToPath(new URL(path, root))

/**
 * Runs a Worker in real workerd, whose binding `BROWSER` leads to a local Chromium.
 *
 * @param path of its source, from the root of the repository
 */
export async function startBrowserWorker(
  path: string,
  chromium: RunningChromium,
  bindings: { bindings?: Record<string, string>; kvNamespaces?: string[] } = {},
): Promise<Miniflare> {
  const { outputFiles } = await build({
    entryPoints: [entry(path)],
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
  return new Miniflare({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2025-07-01",
    // @cloudflare/puppeteer wants it.
    compatibilityFlags: ["nodejs_compat"],
    serviceBindings: { BROWSER: (request: WorkerRequest) => answerAsBinding(request, chromium) },
    ...bindings,
  })
}

/** What Browser Rendering answers to @cloudflare/puppeteer: a stand-in for Cloudflare's. */
function answerAsBinding(request: WorkerRequest, chromium: RunningChromium): WorkerResponse {
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
