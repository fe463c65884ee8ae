import { timeText } from "./time-text.js"
import type { Grant } from "./vault.js"

/** What a grant covers, for the access history. */
export function grantedNames({
  sites,
  kinds,
  saveBack,
  expiresAt,
}: Pick<Grant, "sites" | "kinds" | "saveBack" | "expiresAt">): string[] {
  return [
    `sites ${sites.join(", ")}`,
    kinds === "all" ? "all kinds" : kinds.join(", "),
    saveBack ? "may save back" : "may only read",
    expiresAt === null ? "until it is revoked" : `until ${timeText(expiresAt)}`,
  ]
}

/** As `grantedNames`, of a file that was sealed for somebody. */
export function fileNames({
  sites,
  kinds,
  expiresAt,
}: Pick<Grant, "sites" | "kinds"> & { expiresAt: number }): string[] {
  const [covers = "", what = "", , until = ""] = grantedNames({ sites, kinds, saveBack: false, expiresAt })
  return ["as a file", covers, what, until]
}
