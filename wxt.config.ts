import { defineConfig } from "wxt"
import { baseManifest } from "./manifest-overrides/base.js"
import { chromeManifest } from "./manifest-overrides/chrome.js"
import { firefoxManifest } from "./manifest-overrides/firefox.js"
import { steadyZip } from "./native-host/steady-zip.js"

const isForStore = process.argv.includes("zip")

export default defineConfig({
  srcDir: "extension",
  publicDir: "extension/public",
  outDir: "dist",
  // What goes to the stores has another manifest: it must not take the place of the unpacked extension in use.
  outDirTemplate: `{{browser}}-mv{{manifestVersion}}${isForStore ? "-store" : ""}`,
  manifestVersion: 3,
  imports: false,
  modules: ["@wxt-dev/webextension-polyfill", "@wxt-dev/i18n/module"],
  manifest: ({ browser }) => ({
    ...baseManifest,
    ...(browser === "firefox" ? firefoxManifest : chromeManifest({ isForStore })),
  }),
  zip: {
    name: "persistent-sessions",
    // Firefox's reviewers build from the sources: what makes the archive goes in, nothing else.
    excludeSources: ["dist/**", "coverage/**", "test-results/**", "tests/**"],
    includeSources: [".ci/**", ".npmrc"],
  },
  hooks: {
    // Whoever builds the same sources gets the same bytes.
    "zip:done": async (_wxt, files) => {
      for (const file of files) await steadyZip(file)
    },
  },
  vite: () => ({
    esbuild: { jsx: "automatic", jsxImportSource: "preact" },
    build: { target: "es2022" },
  }),
})
