/** Names that the browser, the native host and its registration agree on; see the README. */
export const chromeExtensionId = "gfmpdiibfllfjoljigngdakmnfepcejf"
export const firefoxAddonId = "psp@persistent-sessions.org"
