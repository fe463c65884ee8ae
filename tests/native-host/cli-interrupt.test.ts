import { spawn } from "node:child_process"
import { once } from "node:events"
import { rm } from "node:fs/promises"
import { createServer } from "node:http"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { writeIdentity } from "../../native-host/identity-file.js"
import { createIdentity } from "../../shared/keys.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"
import { bundlePsp, saveAtHome } from "./psp.js"

let folder: string
let home: string
let cli: string

beforeAll(async () => {
  folder = await temporaryFolder()
  home = join(folder, "home")
  cli = await bundlePsp(folder)
  await writeIdentity(home, await createIdentity("computer"))
  await saveAtHome(home, exampleSnapshot())
})
afterAll(() => rm(folder, { recursive: true }))

/** A KV that is empty and never answers a write; resolves with its address and the first write. */
async function stuckStore() {
  const server = createServer()
  const written = new Promise<void>((resolve) => {
    server.on("request", (request, response) => {
      if (request.method === "PUT") return resolve()
      response.setHeader("content-type", "application/json")
      response.end(JSON.stringify({ success: true, errors: [], messages: [], result: [], result_info: { cursor: "" } }))
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const endpoint = encodeURIComponent(`http://127.0.0.1:${port}/client/v4`)
  return {
    address: `cloudflare-kv://${"a".repeat(32)}/${"b".repeat(32)}?endpoint=${endpoint}`,
    written,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

it.skipIf(process.platform === "win32")(
  "Ctrl-C ends a copy as aborted, also while its store does not answer",
  async () => {
    const store = await stuckStore()
    try {
      const child = spawn(process.execPath, [cli, "push", "--all", "--to", store.address, "--json"], {
        env: { PATH: process.env["PATH"] ?? "", HOME: folder, PSP_HOME: home, CLOUDFLARE_API_TOKEN: "canary-token" },
        stdio: ["ignore", "pipe", "pipe"],
      })
      let [out, err] = ["", ""]
      child.stdout.on("data", (data: Buffer) => (out += data.toString()))
      child.stderr.on("data", (data: Buffer) => (err += data.toString()))
      const closed = once(child, "close")
      await Promise.race([store.written, closed])
      child.kill("SIGINT")
      const [code, signal] = (await closed) as [number | null, string | null]
      expect({ code, signal, err }).toEqual({
        code: 1,
        signal: null,
        err: expect.stringMatching(/^psp: Stopped: 0 of 2 objects are done.*goes on from there\n$/) as string,
      })
      expect(JSON.parse(out)).toMatchObject({ error: { code: "aborted" } })
      expect(out + err).not.toContain("canary")
    } finally {
      store.close()
    }
  },
)
