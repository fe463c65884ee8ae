import { browser } from "wxt/browser"
import { toPspError } from "../shared/errors.js"
import { permissionPatterns } from "../shared/site.js"
import { withHost } from "./host.js"
import { syncNow } from "./sync.js"
import { noteSync, readSettings, settingOf } from "./sync-settings.js"

/**
 * What the alarm does: asks once for all sessions which of them somebody else wrote to, and looks at those, at what went wrong
 * before or was put off, and at pages that are open, whose storage may change without a word. Of what is closed and was not written to by
 * anybody, nothing is opened, however many there are.
 */
export async function lookAround(): Promise<void> {
  if (!(await lookForOthers())) return
  for (const setting of await readSettings()) {
    const isOpen = (await browser.tabs.query({ url: permissionPatterns(setting.site) })).length > 0
    if (setting.error !== null) await syncNow(setting)
    else if (isOpen || setting.busyUntil > 0) await syncNow(setting, { isQuiet: true })
  }
}

/** One connection and one list. @returns false when this computer cannot be asked now */
export async function lookForOthers(): Promise<boolean> {
  const settings = (await readSettings()).filter(({ mode }) => mode === "both")
  if (settings.length === 0) return true
  try {
    const versions = await withHost((vault) => vault.versions())
    for (const setting of settings) {
      const found = versions.find(({ site, account }) => site === setting.site && account === setting.account)
      const version = found?.version ?? "removed"
      if (version === setting.seenVersion) continue
      await syncNow(setting)
      const after = await settingOf(setting)
      // What could not be read now, or was put off, is news the next time too.
      if (after?.error === null && after.busyUntil === 0) await noteSync(setting, { seenVersion: version })
    }
    return true
  } catch (error) {
    const { code, message } = toPspError(error, "Keeping sessions in sync")
    for (const setting of settings) await noteSync(setting, { error: { code, message } })
    return false
  }
}
