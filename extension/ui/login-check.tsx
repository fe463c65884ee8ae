import { useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { toPspError } from "../../shared/errors.js"
import { maxCheckLengths, type LoginCheck } from "../../shared/login-check.js"
import { ask } from "../messages.js"

interface LoginCheckFormProps {
  site: string
  account: string
  /** What is remembered. */
  check: LoginCheck | null
  /** The tab the popup is about, which shows the site now. */
  tab: { id: number; url: string; mayRead: boolean }
  onChange: (text: string) => void
  onDone: () => void
}

/** One quiet line; what it opens comes below it, by the person's own press. */
export function LoginCheckForm({ site, account, check, tab, onChange, onDone }: LoginCheckFormProps) {
  const [isOpen, setOpen] = useState(false)
  const [url, setUrl] = useState<string | null>(null)
  const [text, setText] = useState<string | null>(null)
  const [isElementDropped, setElementDropped] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const address = url ?? check?.url ?? tab.url
  const words = (text ?? check?.text ?? "").trim()
  const selector = isElementDropped ? undefined : check?.selector
  const wanted: LoginCheck = {
    url: address,
    ...(words === "" ? {} : { text: words }),
    ...(selector === undefined ? {} : { selector }),
  }
  const remember = async (next: LoginCheck | null) => {
    if (isBusy) return
    setBusy(true)
    try {
      const isSealed = await ask("remember", { site, account, check: next })
      const done = next === null ? "loginForgotten" : "loginKept"
      onChange(i18n.t(isSealed ? done : "loginKeptForNext"))
      setOpen(false)
      setUrl(null)
      setText(null)
      setElementDropped(false)
      onDone()
    } catch (error) {
      onChange(i18n.t("failed", [toPspError(error, "Remembering").message]))
    } finally {
      setBusy(false)
    }
  }
  const pick = () => {
    const { id: tabId } = tab
    ask("pick", { tabId, site, account, check: wanted }).catch((error: unknown) => {
      onChange(i18n.t("failed", [toPspError(error, "Pointing").message]))
    })
    // The toolbar's popup would cover the page, and goes at the first click on it anyway.
    window.close()
  }
  return (
    <div class="login-check">
      <button type="button" class="link small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {check === null ? i18n.t("loginRemember") : i18n.t("loginRemembered", [new URL(check.url).hostname])}
      </button>
      {isOpen ? (
        <form
          class="small"
          onSubmit={(event) => {
            event.preventDefault()
            void remember(wanted)
          }}
        >
          <p class="text">{i18n.t("loginAddress", [shownAddress(address)])}</p>
          {address === tab.url ? null : (
            <button type="button" class="link small" onClick={() => setUrl(tab.url)}>
              {i18n.t("loginThisPage")}
            </button>
          )}
          <label>
            <span>{i18n.t("loginText")}</span>
            <input
              type="text"
              value={text ?? check?.text ?? ""}
              maxLength={maxCheckLengths.text}
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
          {selector === undefined ? null : (
            <p class="row">
              <span>{i18n.t("loginElement")}</span>
              <button type="button" class="link small" onClick={() => setElementDropped(true)}>
                {i18n.t("loginDropElement")}
              </button>
            </p>
          )}
          <div class="buttons">
            <button type="submit" aria-disabled={isBusy}>
              {i18n.t("loginKeep")}
            </button>
            {tab.mayRead ? (
              <button type="button" onClick={pick}>
                {i18n.t("loginPoint")}
              </button>
            ) : null}
            {check === null ? null : (
              <button type="button" class="link small" onClick={() => void remember(null)}>
                {i18n.t("loginRemove")}
              </button>
            )}
          </div>
        </form>
      ) : null}
    </div>
  )
}

/** Without what may be long or secret. */
function shownAddress(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
