import { join } from "node:path"

/**
 * Where browsers look for native hosts, for the user alone. Pure: everything that depends on the machine comes in.
 *
 * Chrome: https://developer.chrome.com/docs/extensions/develop/concepts/native-messaging#native-messaging-host-location
 * Firefox: https://developer.mozilla.org/docs/Mozilla/Add-ons/WebExtensions/Native_manifests#manifest_location
 */
export interface BrowserPlace {
  browser: BrowserName
  /** Which of the two forms of the manifest it reads. */
  form: "chromium" | "firefox"
  /** The browser is there when this folder is. */
  configuration: string
  /** The folder for the manifest; on Windows a folder of ours, which the registry key points into. */
  folder: string
  /** Windows only: keys under HKCU whose default value is the manifest's path. */
  registryKeys: string[]
}

export const browserNames = ["chrome", "chromium", "edge", "brave", "vivaldi", "firefox"] as const
export type BrowserName = (typeof browserNames)[number]

export interface Machine {
  platform: NodeJS.Platform
  /** The user's home folder. */
  user: string
  /** PSP_HOME. */
  home: string
  env: Record<string, string | undefined>
}

const linuxFolders: Record<Exclude<BrowserName, "firefox">, string[]> = {
  chrome: ["google-chrome", "google-chrome-beta", "google-chrome-unstable"],
  chromium: ["chromium"],
  edge: ["microsoft-edge"],
  brave: ["BraveSoftware/Brave-Browser"],
  vivaldi: ["vivaldi"],
}

// Brave and Vivaldi read Chrome's folder on macOS; Brave has one of its own as well.
const macFolders: Record<Exclude<BrowserName, "firefox">, { configuration: string; hosts: string[] }> = {
  chrome: { configuration: "Google/Chrome", hosts: ["Google/Chrome"] },
  chromium: { configuration: "Chromium", hosts: ["Chromium"] },
  edge: { configuration: "Microsoft Edge", hosts: ["Microsoft Edge"] },
  brave: {
    configuration: "BraveSoftware/Brave-Browser",
    hosts: ["Google/Chrome", "BraveSoftware/Brave-Browser"],
  },
  vivaldi: { configuration: "Vivaldi", hosts: ["Google/Chrome"] },
}

const windowsBrowsers: Record<BrowserName, { configuration: string[]; keys: string[] }> = {
  chrome: { configuration: ["LOCALAPPDATA", "Google/Chrome"], keys: ["Software\\Google\\Chrome"] },
  chromium: { configuration: ["LOCALAPPDATA", "Chromium"], keys: ["Software\\Chromium"] },
  edge: { configuration: ["LOCALAPPDATA", "Microsoft/Edge"], keys: ["Software\\Microsoft\\Edge"] },
  brave: {
    configuration: ["LOCALAPPDATA", "BraveSoftware/Brave-Browser"],
    keys: ["Software\\Google\\Chrome", "Software\\BraveSoftware\\Brave-Browser"],
  },
  vivaldi: { configuration: ["LOCALAPPDATA", "Vivaldi"], keys: ["Software\\Google\\Chrome", "Software\\Vivaldi"] },
  firefox: { configuration: ["APPDATA", "Mozilla/Firefox"], keys: ["Software\\Mozilla"] },
}

/** Every place of every browser on this kind of machine. */
export function browserPlaces(machine: Machine): BrowserPlace[] {
  if (machine.platform === "win32") return windowsPlaces(machine)
  return machine.platform === "darwin" ? macPlaces(machine) : linuxPlaces(machine)
}

function linuxPlaces({ user, env }: Machine): BrowserPlace[] {
  const config = env["XDG_CONFIG_HOME"] ?? join(user, ".config")
  const chromiums = Object.entries(linuxFolders).flatMap(([browser, folders]) =>
    folders.map((folder) =>
      place(browser as BrowserName, join(config, folder), join(config, folder, "NativeMessagingHosts")),
    ),
  )
  const mozilla = join(user, ".mozilla")
  return [...chromiums, place("firefox", mozilla, join(mozilla, "native-messaging-hosts"))]
}

function macPlaces({ user }: Machine): BrowserPlace[] {
  const support = join(user, "Library", "Application Support")
  const chromiums = Object.entries(macFolders).flatMap(([browser, { configuration, hosts }]) =>
    hosts.map((host) =>
      place(browser as BrowserName, join(support, configuration), join(support, host, "NativeMessagingHosts")),
    ),
  )
  return [...chromiums, place("firefox", join(support, "Firefox"), join(support, "Mozilla", "NativeMessagingHosts"))]
}

function windowsPlaces({ home, user, env }: Machine): BrowserPlace[] {
  const roots: Record<string, string> = {
    LOCALAPPDATA: env["LOCALAPPDATA"] ?? join(user, "AppData", "Local"),
    APPDATA: env["APPDATA"] ?? join(user, "AppData", "Roaming"),
  }
  return browserNames.map((browser) => {
    const { configuration, keys } = windowsBrowsers[browser]
    const [root = "", folder = ""] = configuration
    const own = place(
      browser,
      join(roots[root] ?? "", folder),
      join(home, "host", browser === "firefox" ? "firefox" : "chromium"),
    )
    return { ...own, registryKeys: keys.map((key) => `${key}\\NativeMessagingHosts`) }
  })
}

function place(browser: BrowserName, configuration: string, folder: string): BrowserPlace {
  return { browser, form: browser === "firefox" ? "firefox" : "chromium", configuration, folder, registryKeys: [] }
}
