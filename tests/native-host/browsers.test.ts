import { describe, expect, it } from "vitest"
import { browserNames, browserPlaces, type Machine } from "../../native-host/browsers.js"
import { manifestOf, wrapperOf } from "../../native-host/install.js"

const linux: Machine = { platform: "linux", user: "/home/ada", home: "/home/ada/.psp", env: {} }
const mac: Machine = { platform: "darwin", user: "/Users/ada", home: "/Users/ada/psp", env: {} }
const windows: Machine = {
  platform: "win32",
  user: "C:/Users/ada",
  home: "C:/Users/ada/psp",
  env: { LOCALAPPDATA: "C:/Users/ada/AppData/Local", APPDATA: "C:/Users/ada/AppData/Roaming" },
}
const foldersOf = (machine: Machine, browser: string) =>
  browserPlaces(machine)
    .filter((place) => place.browser === browser)
    .map(({ folder }) => folder)

describe("where browsers look for native hosts", () => {
  it.each([
    ["chrome", [".config/google-chrome", ".config/google-chrome-beta", ".config/google-chrome-unstable"]],
    ["chromium", [".config/chromium"]],
    ["edge", [".config/microsoft-edge"]],
    ["brave", [".config/BraveSoftware/Brave-Browser"]],
    ["vivaldi", [".config/vivaldi"]],
  ])("on Linux: %s", (browser, folders) => {
    expect(foldersOf(linux, browser)).toEqual(folders.map((folder) => `/home/ada/${folder}/NativeMessagingHosts`))
  })

  it("on Linux: firefox, and wherever XDG_CONFIG_HOME points", () => {
    expect(foldersOf(linux, "firefox")).toEqual(["/home/ada/.mozilla/native-messaging-hosts"])
    const moved = { ...linux, env: { XDG_CONFIG_HOME: "/conf" } }
    expect(foldersOf(moved, "chromium")).toEqual(["/conf/chromium/NativeMessagingHosts"])
  })

  it.each([
    ["chrome", ["Google/Chrome"]],
    ["chromium", ["Chromium"]],
    ["edge", ["Microsoft Edge"]],
    ["brave", ["Google/Chrome", "BraveSoftware/Brave-Browser"]],
    ["vivaldi", ["Google/Chrome"]],
    ["firefox", ["Mozilla"]],
  ])("on macOS: %s", (browser, folders) => {
    const support = "/Users/ada/Library/Application Support"
    expect(foldersOf(mac, browser)).toEqual(folders.map((folder) => `${support}/${folder}/NativeMessagingHosts`))
  })

  it.each([
    ["chrome", ["Software\\Google\\Chrome"]],
    ["chromium", ["Software\\Chromium"]],
    ["edge", ["Software\\Microsoft\\Edge"]],
    ["brave", ["Software\\Google\\Chrome", "Software\\BraveSoftware\\Brave-Browser"]],
    ["vivaldi", ["Software\\Google\\Chrome", "Software\\Vivaldi"]],
    ["firefox", ["Software\\Mozilla"]],
  ])("on Windows: %s by its registry keys", (browser, keys) => {
    const [place] = browserPlaces(windows).filter((one) => one.browser === browser)
    expect(place?.registryKeys).toEqual(keys.map((key) => `${key}\\NativeMessagingHosts`))
    expect(place?.folder).toContain(browser === "firefox" ? "host/firefox" : "host/chromium")
  })

  it("is known for every browser on every system", () => {
    for (const machine of [linux, mac, windows]) {
      expect(new Set(browserPlaces(machine).map(({ browser }) => browser))).toEqual(new Set(browserNames))
    }
  })
})

describe("the manifest", () => {
  it("allows exactly our extension, and what the person added", () => {
    expect(manifestOf("chromium", "/p/psp-host", ["b".repeat(32), "someone@example.org", "not an id"])).toMatchObject({
      name: "org.persistent_sessions.host",
      path: "/p/psp-host",
      type: "stdio",
      allowed_origins: [
        "chrome-extension://gfmpdiibfllfjoljigngdakmnfepcejf/",
        `chrome-extension://${"b".repeat(32)}/`,
      ],
    })
    expect(manifestOf("firefox", "/p/psp-host", ["b".repeat(32), "someone@example.org"])).toMatchObject({
      allowed_extensions: ["psp@persistent-sessions.org", "someone@example.org"],
    })
  })
})

describe("the program a browser starts", () => {
  it("quotes every path, and execs so that no shell outlives the browser", () => {
    const script = wrapperOf("linux", { node: "/opt/my node/it's/node", host: "/h o/psp-host.mjs", home: "/h o" })
    expect(script).toContain(`'/opt/my node/it'\\''s/node'`)
    expect(script).toContain(`exec "$node" '/h o/psp-host.mjs' "$@"`)
    expect(wrapperOf("win32", { node: "C:\\n\\node.exe", host: "C:\\h\\psp-host.mjs", home: "C:\\h" })).toContain(
      '"C:\\n\\node.exe" "C:\\h\\psp-host.mjs" %*',
    )
  })
})
