import { i18n } from "../i18n.js"
import type { HandoffWords } from "../../shared/handoff-sentence.js"
import { dayTimeOf } from "./format.js"
import { shownName } from "./shown-name.js"
import { distinctName } from "../../shared/merge/describe.js"

/** The sentence in the language of the person. */
export const handoffWords: HandoffWords = {
  account: (site, account) => i18n.t("handOffAccountPart", [site, shownName(account)]),
  others: (sites) => i18n.t("handOffOthersPart", [sites]),
  only: (kinds) => i18n.t("handOffOnlyPart", [kinds]),
  name: (kind, name) => i18n.t(`chosenName.${kind}`, [shownName(distinctName(name))]),
  names: (first, more) =>
    new Intl.ListFormat().format(more === 0 ? first : [...first, i18n.t("handOffMoreNames", [String(more)])]),
  until: (ms) => i18n.t("handOffUntilPart", [dayTimeOf(ms)]),
  untilRevoked: () => i18n.t("handOffRevokedPart"),
  saveBack: () => i18n.t("handOffBackPart"),
  now: () => i18n.t("handOffNowPart"),
  nowAndLater: () => i18n.t("handOffLaterPart"),
  whole: (name, where, what, until) => i18n.t("handOffSentence", [shownName(name), where, what, until]),
}
