// Installs what is missing, with the machine's own package managers: the npm packages of the lockfile, the browsers
// that the tests and the demo drive, and what makes a certificate for the site of the tests. Plain Node and no dependency,
// because it runs before there are any.
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import process from "node:process"

const isWindows = process.platform === "win32"

if (isStale("node_modules/.package-lock.json", "package-lock.json")) {
  say("Installing npm packages…")
  run(isWindows ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"])
}

const missing = [
  {
    packages: ["chromium"],
    isThere: has("PSP_CHROMIUM", ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]),
  },
  { packages: ["firefox-esr"], isThere: has("PSP_FIREFOX", ["/usr/bin/firefox-esr", "/usr/bin/firefox"]) },
  { packages: ["openssl"], isThere: spawnSync("openssl", ["version"]).status === 0 },
].filter(({ isThere }) => !isThere)

if (missing.length > 0) installPackages(missing.flatMap(({ packages }) => packages))

/** The tree is as old as the lockfile it was made from; npm writes its own copy at the end of every install. */
function isStale(made, source) {
  return !existsSync(made) || statSync(made).mtimeMs + 1000 < statSync(source).mtimeMs
}

function has(variable, places) {
  const named = process.env[variable]
  return named === undefined ? places.some((place) => existsSync(place)) : existsSync(named)
}

function installPackages(packages) {
  const [command, ...prefix] = process.getuid?.() === 0 ? ["apt-get"] : ["sudo", "-n", "apt-get"]
  const canApt = existsSync("/usr/bin/apt-get") && spawnSync(command, [...prefix, "--version"]).status === 0
  if (!canApt) {
    if (!packages.includes("chromium")) return
    fail(`Needs Chromium and cannot install it here: install it, or say where it is in PSP_CHROMIUM`)
  }
  say(`Installing ${packages.join(" and ")}…`)
  run(command, [...prefix, "update", "-qq"])
  run(command, [...prefix, "install", "-y", "-qq", "--no-install-recommends", ...packages])
}

function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: "1" }
  const { status } = spawnSync(command, args, { stdio: ["ignore", 2, 2], env })
  if (status !== 0) fail(`${command} ${args[0]} failed (${status ?? "not started"})`)
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}
