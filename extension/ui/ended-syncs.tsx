import { useEffect, useState } from "preact/hooks"
import { shownName } from "./shown-name.js"
import { i18n } from "../i18n.js"
import { ask } from "../messages.js"
import type { EndedSync } from "../sync-ended.js"
import type { SyncSetting } from "../sync-settings.js"
import { dateOf } from "./format.js"

/** What is no longer kept in sync though nobody switched it off here. */
export function EndedSyncs({ site, syncs }: { site: string; syncs: SyncSetting[] }) {
  const [ended, setEnded] = useState<EndedSync[]>([])
  const look = async () => {
    setEnded(await ask("syncsEnded", {}))
  }
  // With each that is switched off one may have come.
  useEffect(() => void look().catch(() => undefined), [syncs.length])
  return (
    <>
      {ended
        .filter((one) => one.site === site)
        .map(({ account, removedAt }) => (
          <div key={account} class="row">
            <span class="small text">{i18n.t("syncEnded", [shownName(account), dateOf(removedAt)])}</span>
            <button
              type="button"
              aria-label={i18n.t("dismissFor", [account])}
              onClick={() => void ask("dismissEnded", { site, account }).then(look)}
            >
              {i18n.t("dismiss")}
            </button>
          </div>
        ))}
    </>
  )
}
