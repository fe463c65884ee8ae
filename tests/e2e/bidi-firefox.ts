import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { createInterface } from "node:readline"
import { firefoxPath } from "./firefox-browser.js"

/** Names that lead to this machine in the Firefox of a test. */
export const testNames = ["app.fern.test", "fern.test", "other.test", "shop.test"]

/** A Firefox as a person starts it for a tool: nobody holds its session. */
export async function startBidiFirefox(
  more: Record<string, string | number | boolean> = {},
): Promise<{ address: string; stop(): Promise<void> }> {
  const profile = await mkdtemp(path.join(tmpdir(), "psp-bidi-"))
  const prefs = {
    "browser.shell.checkDefaultBrowser": false,
    "datareporting.policy.dataSubmissionEnabled": false,
    "network.dns.localDomains": testNames.join(),
    ...more,
  }
  const lines = Object.entries(prefs).map((pref) => `user_pref(${pref.map((part) => JSON.stringify(part)).join()});`)
  await writeFile(path.join(profile, "user.js"), lines.join("\n"))
  const args = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0", "about:blank"]
  const firefox = spawn(firefoxPath ?? "", args, {
    env: { ...process.env, HOME: profile },
    stdio: ["ignore", "ignore", "pipe"],
  })
  const ended = once(firefox, "exit")
  const stop = async () => {
    firefox.kill()
    await ended
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  }
  for await (const line of createInterface(firefox.stderr)) {
    const address = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1]
    if (address === undefined) continue
    // A pipe that is full would stop it.
    firefox.stderr.resume()
    return { address, stop }
  }
  await stop()
  throw new Error("Firefox ended before it listened")
}
