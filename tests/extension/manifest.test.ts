import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { build } from "wxt"
import { chromeManifest } from "../../manifest-overrides/chrome.js"
import { chromeExtensionId, firefoxAddonId } from "../../shared/names.js"

interface Manifest {
  manifest_version: number
  key?: string
  permissions: string[]
  optional_permissions: string[]
  optional_host_permissions: string[]
  host_permissions?: string[]
  content_scripts?: unknown
  web_accessible_resources?: unknown
  externally_connectable?: { ids: string[] }
  content_security_policy: { extension_pages: string }
  icons: Record<string, string>
  options_ui: { page: string; open_in_tab: boolean }
  action: { default_popup: string }
  commands: Record<string, unknown>
  default_locale: string
  browser_specific_settings?: { gecko: { id: string; data_collection_permissions: { required: string[] } } }
}

let folder: string
const manifests = new Map<string, Manifest>()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "psp-manifest-"))
  // One after the other: both write the same generated types.
  for (const browser of ["chrome", "firefox"]) {
    await build({ browser, outDir: folder, logger: silentLogger() })
    const text = await readFile(join(folder, `${browser}-mv3`, "manifest.json"), "utf8")
    manifests.set(browser, JSON.parse(text) as Manifest)
  }
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe.each(["chrome", "firefox"])("the manifest for %s", (browser) => {
  const manifest = () => manifests.get(browser) ?? expect.fail("not built")

  it("asks for no site at install, and for each site only when the person saves it", () => {
    expect(manifest().manifest_version).toBe(3)
    expect(manifest().optional_host_permissions).toEqual(["*://*/*"])
    expect(manifest()).not.toHaveProperty("host_permissions")
    expect(manifest()).not.toHaveProperty("content_scripts")
    expect(manifest().permissions.join()).not.toMatch(/<all_urls>|:\/\//)
  })

  it("may notify nobody before the person asks for it", () => {
    expect(manifest().optional_permissions).toEqual(["notifications"])
    expect(manifest().permissions).not.toContain("notifications")
  })

  it("shows pages nothing of the extension and lets nobody else talk to it", () => {
    expect(manifest()).not.toHaveProperty("web_accessible_resources")
    if (browser === "chrome") expect(manifest().externally_connectable).toEqual({ ids: [] })
    const policy = manifest().content_security_policy.extension_pages
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("connect-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
  })

  it("names pages and icons that are in the build", async () => {
    const files = await readdir(join(folder, `${browser}-mv3`), { recursive: true })
    const { icons, options_ui: options, action } = manifest()
    expect(Object.keys(icons)).toEqual(["16", "32", "48", "128"])
    expect(options).toEqual({ page: "dashboard.html", open_in_tab: true })
    expect(manifest().commands).toHaveProperty("_execute_action")
    expect(files).toEqual(expect.arrayContaining([...Object.values(icons), options.page, action.default_popup]))
    expect(files).toContain(`_locales/${manifest().default_locale}/messages.json`)
  })
})

it("only firefox gets the permission that names containers, over what both have", () => {
  const [chrome = [], firefox = []] = ["chrome", "firefox"].map((browser) => manifests.get(browser)?.permissions)
  expect(firefox).toEqual([...chrome, "contextualIdentities"])
})

it("chrome's id is fixed by its key, and the archive for the store carries none", async () => {
  expect(await idOfKey(manifests.get("chrome")?.key ?? "")).toBe(chromeExtensionId)
  expect(chromeManifest({ isForStore: false })).toHaveProperty("key")
  expect(chromeManifest({ isForStore: true })).not.toHaveProperty("key")
})

it("firefox's add-on has its fixed id and declares what it hands to the host", () => {
  const gecko = manifests.get("firefox")?.browser_specific_settings?.gecko
  expect(gecko?.id).toBe(firefoxAddonId)
  expect(gecko?.data_collection_permissions.required).toEqual([
    "authenticationInfo",
    "websiteContent",
    "browsingActivity",
  ])
  expect(manifests.get("firefox")).not.toHaveProperty("key")
})

/** Chrome's id: the first 16 bytes of SHA-256 of the key, in hex written with a to p. */
async function idOfKey(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(key, "base64"))
  return Array.from(Buffer.from(digest).subarray(0, 16).toString("hex"), (digit) =>
    String.fromCharCode(97 + Number.parseInt(digit, 16)),
  ).join("")
}

function silentLogger() {
  const quiet = () => undefined
  return { debug: quiet, log: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet, success: quiet, level: 0 }
}
