import { useEffect, useState } from "preact/hooks"
import { i18n } from "../i18n.js"
import { healthOf, type Health, type HealthFacts } from "../health.js"
import { ask } from "../messages.js"
import type { SyncSetting } from "../sync-settings.js"
import { agoOf } from "./format.js"

/** What is known of the sessions that are kept in sync, looked at anew when one of these is another; null until it was asked for. */
export function useHealthFacts(changes: readonly unknown[]): HealthFacts[] | null {
  const [facts, setFacts] = useState<HealthFacts[] | null>(null)
  useEffect(() => {
    // What could not be asked is as it was.
    ask("health", {})
      .then(setFacts)
      .catch(() => undefined)
  }, changes)
  return facts
}

interface HealthLineProps {
  setting: SyncSetting
  /** Null until it was asked for. */
  facts: HealthFacts | null
}

/** How a session is, in one word with its reason. Its line is there from the start, so that nothing jumps. */
export function HealthLine({ setting, facts }: HealthLineProps) {
  if (facts === null) return <p class="small quiet">{i18n.t("healthLooking")}</p>
  const health = healthOf(setting, facts, Date.now())
  return (
    <p class="small text">
      <strong class={`status ${toneOf(health)}`}>{i18n.t(`health.${health.word}`)}</strong>
      {`: ${reasonOf(health)}`}
    </p>
  )
}

function toneOf({ word }: Health): string {
  if (word === "fresh") return "good"
  return word === "dead" || word === "error" ? "bad" : "warn"
}

function reasonOf(health: Health): string {
  switch (health.word) {
    case "fresh":
    case "expiring":
      if (health.endsAt === null) return i18n.t("healthNoEnd")
      if (health.name === null) return i18n.t("healthSessionEnds", [agoOf(health.endsAt)])
      return i18n.t("healthCookieEnds", [health.name, agoOf(health.endsAt)])
    case "bound":
      return `${health.what}: ${health.why}`
    case "waiting":
      return i18n.t("healthWaiting", [agoOf(health.since)])
    default:
      return health.why
  }
}
