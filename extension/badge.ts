import { browser } from "wxt/browser"
import type { SaveState } from "./save-state.js"

/** What the toolbar button shows of the last save: the popup may have been closed by the browser's question. */
export async function showBadge(state: SaveState | null): Promise<void> {
  const { text, color } = badgeOf(state)
  await browser.action.setBadgeText({ text })
  if (text !== "") await browser.action.setBadgeBackgroundColor({ color })
}

export function badgeOf(state: SaveState | null): { text: string; color: string } {
  switch (state?.phase) {
    case undefined:
      return { text: "", color: "" }
    case "saved":
      return state.sealed.gaps.length > 0 ? { text: "!", color: "#9a6700" } : { text: "✓", color: "#1a7f37" }
    case "failed":
      return { text: "×", color: "#cf222e" }
    case "waiting":
      return { text: "↑", color: "#9a6700" }
    default:
      return { text: "…", color: "#57606a" }
  }
}
