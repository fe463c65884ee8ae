import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { chromiumArgs, chromiumPath, keepThirdPartyStorage } from "../e2e/browser.js"

/** A Chromium as a person starts it, that no tool drives. */
export interface RunningChromium {
  /** `http://127.0.0.1:<port>`, where it listens for CDP. */
  address: string
  /** `ws://…` of the browser itself. */
  socket: string
  stop(): Promise<void>
}

export async function startRunningChromium(more: string[] = []): Promise<RunningChromium> {
  const profile = await mkdtemp(path.join(tmpdir(), "psp-running-"))
  await keepThirdPartyStorage(profile)
  const args = ["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, ...chromiumArgs, ...more]
  const browser = spawn(chromiumPath(), [...args, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] })
  const ended = once(browser, "close")
  const stop = async () => {
    browser.kill("SIGKILL")
    await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 10 })
  }
  let told = ""
  const found = await new Promise<RegExpExecArray | null>((resolve) => {
    browser.stderr.on("data", (chunk: Buffer) => {
      told += chunk.toString()
      const listening = /DevTools listening on (ws:\/\/(127\.0\.0\.1:\d+)\/\S+)/.exec(told)
      if (listening !== null) resolve(listening)
    })
    void ended.then(() => resolve(null))
  })
  if (found?.[1] === undefined || found[2] === undefined) throw new Error("The browser ended before it listened")
  return { address: `http://${found[2]}`, socket: found[1], stop }
}
