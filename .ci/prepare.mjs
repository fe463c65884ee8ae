// Installs what is missing, with the machine's own package managers: the npm packages of the lockfile, the browsers
// that the tests and the demo drive, and what makes a certificate for the site of the tests; with `--servers` also the
// servers that the tests need. Plain Node and no dependency, because it runs before there are any.
import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import process from "node:process"

const isWindows = process.platform === "win32"

if (isStale("node_modules/.package-lock.json", "package-lock.json")) {
  say("Installing npm packages…")
  run([isWindows ? "npm.cmd" : "npm"], ["ci", "--no-audit", "--no-fund"])
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

// Tests that find no server say that they were skipped, so a machine that has none still tests the rest.
for (const { packages, programs } of process.argv.includes("--servers") ? servers() : []) {
  if (programs.every(runs)) continue
  say(`Installing ${packages.join(" and ")}…`)
  const apt = aptGet()
  const steps = [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ]
  const isInstalled = apt !== null && steps.every((args) => status(apt, args) === 0)
  if (!isInstalled) say(`Could not install ${packages.join(" ")}: the tests that need them will be skipped`)
}

function servers() {
  return [
    { packages: ["redis-server"], programs: ["redis-server"] },
    { packages: ["gnome-keyring", "dbus"], programs: ["gnome-keyring-daemon", "dbus-run-session"] },
    { packages: ["chromium-driver"], programs: ["chromedriver"] },
    {
      packages: ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"],
      programs: ["radosgw", "ceph-mon", "ceph-osd", "ceph"],
    },
  ]
}

/** The tree is as old as the lockfile it was made from; npm writes its own copy at the end of every install. */
function isStale(made, source) {
  return !existsSync(made) || statSync(made).mtimeMs + 1000 < statSync(source).mtimeMs
}

function has(variable, places) {
  const named = process.env[variable]
  return named === undefined ? places.some((place) => existsSync(place)) : existsSync(named)
}

function runs(program) {
  return spawnSync(program, ["--version"]).status === 0
}

function installPackages(packages) {
  const apt = aptGet()
  if (apt === null) {
    if (!packages.includes("chromium")) return
    fail(`Needs Chromium and cannot install it here: install it, or say where it is in PSP_CHROMIUM`)
  }
  say(`Installing ${packages.join(" and ")}…`)
  run(apt, ["update", "-qq"])
  run(apt, ["install", "-y", "-qq", "--no-install-recommends", ...packages])
}

/** The package manager as this user may call it; null where there is none. */
function aptGet() {
  if (!existsSync("/usr/bin/apt-get")) return null
  if (process.getuid?.() === 0) return ["apt-get"]
  return spawnSync("sudo", ["-n", "apt-get", "--version"]).status === 0 ? ["sudo", "-n", "apt-get"] : null
}

function run(command, args) {
  const ended = status(command, args)
  if (ended !== 0) fail(`${command.join(" ")} ${args[0]} failed (${ended ?? "not started"})`)
}

function status([program, ...first], args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: "1" }
  return spawnSync(program, [...first, ...args], { stdio: ["ignore", 2, 2], env }).status
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(text) {
  say(text)
  process.exit(1)
}
