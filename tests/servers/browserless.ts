import { spawn, execFileSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises"
import { once } from "node:events"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { chromiumPath } from "../e2e/browser.js"

/**
 * A folder where `npm i node@24 @browserless.io/browserless` was run: its licence (SSPL) and its Node keep it out of our own
 * dependencies.
 */
const folder = process.env["PSP_BROWSERLESS"]
const node = path.join(folder ?? "", "node_modules/.bin/node")

export const hasBrowserless = folder !== undefined && existsSync(node)
export const noBrowserless =
  "no Browserless here: run `npm i node@24 @browserless.io/browserless` in a folder of its own and name it in PSP_BROWSERLESS"

export interface BrowserSettings {
  args: string[]
  ignoreDefaultArgs?: string[]
  userDataDir?: string
}

export interface BrowserlessServer {
  /** With the token, and with the settings that the browser is started with. */
  address(settings: BrowserSettings): string
  stop(): Promise<void>
}

const script = `
  import { Browserless, BrowserlessRoutes } from "@browserless.io/browserless"
  const server = new Browserless()
  server.disableRoutes(...Object.values(BrowserlessRoutes).filter((name) => /^(?:Chrome(?!ium)|Edge|Firefox|WebKit)/.test(name)))
  // Its browser's driver takes the signal too, and leaves the process alive where nobody ends it.
  process.once("SIGTERM", () => server.stop().finally(() => process.exit()))
  await server.start()
`

/** The real server, in front of the Chromium of this machine. */
export async function startBrowserless(): Promise<BrowserlessServer> {
  const home = await mkdtemp(path.join(tmpdir(), "psp-browserless-"))
  const port = await freePort()
  const token = randomUUID()
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    PLAYWRIGHT_BROWSERS_PATH: path.join(home, "browsers"),
    HOST: "127.0.0.1",
    PORT: String(port),
    TOKEN: token,
    TIMEOUT: "120000",
  }
  // It believes in the browsers of its Playwright only.
  const where = `process.stdout.write(require("playwright-core").chromium.executablePath())`
  const expected = execFileSync(node, ["-e", where], { cwd: folder, env }).toString()
  await mkdir(path.dirname(expected), { recursive: true })
  await symlink(chromiumPath(), expected)
  const server = spawn(node, ["--input-type=module", "-e", script], { cwd: folder, env, stdio: "ignore" })
  const ended = once(server, "close")
  const stop = async () => {
    server.kill("SIGTERM")
    await ended
    await rm(home, { recursive: true, force: true, maxRetries: 10 })
  }
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/json/version?token=${token}`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isUp())) {
    if (server.exitCode !== null) throw new Error(`Browserless ended with ${server.exitCode} before it answered`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    address: (settings) => {
      const launch = encodeURIComponent(JSON.stringify({ headless: true, ...settings }))
      return `ws://127.0.0.1:${port}/chromium?token=${token}&launch=${launch}`
    },
    stop,
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, "127.0.0.1"), "listening")
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
