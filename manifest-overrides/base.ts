import type { UserManifest } from "wxt"

/**
 * What both browsers get. Least privilege: no site is readable until the person asks for it, one site at a time, and no
 * page can reach the extension.
 */
export const baseManifest = {
  name: "__MSG_extensionName__",
  description: "__MSG_extensionDescription__",
  default_locale: "en",
  permissions: [
    // Reads what the person asks for, at the sites they granted.
    "cookies",
    "scripting",
    // Addresses of tabs, to name the site before it may be read. `activeTab` would do for the toolbar's own popup, but not
    // when the popup opens again after the browser's question closed it, nor where it is opened as a page.
    "tabs",
    // Hands sealed bytes to the native host.
    "nativeMessaging",
    // Tries again when the host was away.
    "alarms",
    // Remembers what is under way (storage.session only) and keeps the outbox from being evicted.
    "storage",
    "unlimitedStorage",
  ],
  // Tells when a handoff is used; asked for when the person switches that on. Optional in both browsers.
  optional_permissions: ["notifications"],
  optional_host_permissions: ["*://*/*"],
  action: { default_title: "__MSG_extensionName__" },
  options_ui: { page: "dashboard.html", open_in_tab: true },
  commands: {
    _execute_action: {
      suggested_key: { default: "Alt+Shift+S" },
      description: "__MSG_commandOpen__",
    },
  },
  content_security_policy: {
    extension_pages:
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  },
} as const satisfies UserManifest
