/** True in the blank page of ours at that origin, whose root carries the mark; a document is there before its root is. */
export async function isBlankAt({ mark, origin }: { mark: string; origin: string }): Promise<boolean> {
  if (location.origin !== origin) return false
  if (document.readyState === "loading") {
    await new Promise((parsed) => document.addEventListener("DOMContentLoaded", parsed, { once: true }))
  }
  return document.documentElement.getAttribute("data-psp") === mark
}
