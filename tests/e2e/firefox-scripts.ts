/** What runs in Firefox's own window, with its privileges. */

export const openTabScript = `async (url, { container, isPrivate }) => {
  const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal()
  let owner = window
  if (isPrivate) {
    owner = OpenBrowserWindow({ private: true })
    await new Promise((loaded) => owner.addEventListener("load", loaded, { once: true }))
    await owner.delayedStartupPromise
  }
  owner.focus()
  const tab = owner.gBrowser.addTab(url, { userContextId: container, triggeringPrincipal })
  owner.gBrowser.selectedTab = tab
  const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs")
  return NavigableManager.getIdForBrowser(tab.linkedBrowser)
}`

export const tabIdScript = `(context) => {
  const { NavigableManager } = ChromeUtils.importESModule("chrome://remote/content/shared/NavigableManager.sys.mjs")
  const { ExtensionParent } = ChromeUtils.importESModule("resource://gre/modules/ExtensionParent.sys.mjs")
  const browser = NavigableManager.getBrowsingContextById(context).top.embedderElement
  const { tabTracker } = ExtensionParent.apiManager.global
  return tabTracker.getId(browser.ownerDocument.defaultView.gBrowser.getTabForBrowser(browser))
}`

export const answerScript = `(answer) => {
  for (const { PopupNotifications } of Services.wm.getEnumerator("navigator:browser")) {
    const question = PopupNotifications.panel.firstElementChild
    if (!PopupNotifications.isPanelOpen || question?.id !== "addon-webext-permissions-notification") continue
    const button = answer === "allow" ? question.button : question.secondaryButton
    button.click()
    return "answered"
  }
  return "no question"
}`

export const permissionScript = `async (id, pattern, change) => {
  const { ExtensionPermissions } = ChromeUtils.importESModule("resource://gre/modules/ExtensionPermissions.sys.mjs")
  const { extension } = WebExtensionPolicy.getByID(id)
  await ExtensionPermissions[change](id, { permissions: [], origins: [pattern] }, extension)
}`

/** As the person does at about:addons, but before the extension comes: an extension that is there is started anew by it. */
export const allowInPrivateScript = `async (id) => {
  const { ExtensionPermissions } = ChromeUtils.importESModule("resource://gre/modules/ExtensionPermissions.sys.mjs")
  await ExtensionPermissions.add(id, { permissions: ["internal:privateBrowsingAllowed"], origins: [] })
}`

export const stopBackgroundScript = `(id) =>
  WebExtensionPolicy.getByID(id).extension.terminateBackground({ ignoreDevToolsAttached: true })`

/** From now on the extension's pages are at this origin: what the one before it kept is another's, even while it is being removed. */
export const originScript = `(id, uuid) =>
  Services.prefs.setStringPref("extensions.webextensions.uuids", JSON.stringify({ [id]: uuid }))`

/** All that sites and extensions left: one empty tab remains. */
export const forgetScript = `async (id) => {
  const { ExtensionPermissions } = ChromeUtils.importESModule("resource://gre/modules/ExtensionPermissions.sys.mjs")
  for (const other of Services.wm.getEnumerator("navigator:browser")) if (other !== window) other.close()
  const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal()
  const empty = gBrowser.addTab("about:blank", { triggeringPrincipal, skipAnimation: true })
  gBrowser.selectedTab = empty
  for (const tab of [...gBrowser.tabs]) {
    if (tab !== empty) gBrowser.removeTab(tab, { animate: false, skipPermitUnload: true })
  }
  await ExtensionPermissions.removeAll(id)
  await new Promise((resolve) => {
    Services.clearData.deleteData(Ci.nsIClearDataService.CLEAR_ALL, { onDataDeleted: resolve })
  })
}`

export const profileScript = `() => Services.dirsvc.get("ProfD", Ci.nsIFile).path`

/** As Firefox does when memory is low: what nobody holds any more goes, in every process. */
export const lowMemoryScript = `() => Services.obs.notifyObservers(null, "memory-pressure", "heap-minimize")`
