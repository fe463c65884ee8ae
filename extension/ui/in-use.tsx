import { i18n } from "../i18n.js"
import type { InUse } from "../in-use.js"
import { timeOf } from "./format.js"

interface InUseNoteProps {
  /** Of what is shown here; what has ended is left out. */
  inUse: InUse[]
  /** With the account of each, where there are several. */
  hasAccounts?: boolean
}

/** Who else uses the session now, and what that means for whoever logs in or reloads here: told before they do. */
export function InUseNote({ inUse, hasAccounts = false }: InUseNoteProps) {
  const now = stillInUse(inUse)
  return (
    <div class="in-use small" aria-live="polite">
      {now.map(({ account, holder, isBot, until }) => (
        <p key={JSON.stringify([account, holder, until])} class="text status warn">
          {hasAccounts ? `${account}: ` : ""}
          {i18n.t(isBot ? "inUseByBot" : "inUseBy", [holder, timeOf(until)])}
        </p>
      ))}
      {now.length === 0 ? null : <p class="quiet">{i18n.t("inUseWarning")}</p>}
    </div>
  )
}

export function stillInUse(inUse: InUse[], now = Date.now()): InUse[] {
  return inUse.filter(({ until }) => until > now)
}
