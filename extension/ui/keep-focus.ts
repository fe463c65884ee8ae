/**
 * Keeps the keyboard where it was: when the control that had the focus goes away (Cancel at the end of a save), the next
 * Tab would start at the top of the page.
 *
 * @param fallback takes the focus then
 * @returns stops it
 */
export function keepFocus(root: HTMLElement, fallback: () => HTMLElement | null): () => void {
  let last: Element | null = null
  const onFocus = ({ target }: FocusEvent) => (last = target instanceof Element ? target : null)
  const observer = new MutationObserver(() => {
    if (last === null || last.isConnected) return
    last = null
    if (document.activeElement === null || document.activeElement === document.body) fallback()?.focus()
  })
  root.addEventListener("focusin", onFocus)
  observer.observe(root, { childList: true, subtree: true })
  return () => {
    root.removeEventListener("focusin", onFocus)
    observer.disconnect()
  }
}
