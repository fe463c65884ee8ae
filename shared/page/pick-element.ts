/**
 * Lets the person point at an element of the page; self-contained, answers with a CSS selector that finds it, or null when
 * Escape was pressed, the time is over (ms) or the page is left. What is pressed meanwhile does nothing to the page, and what
 * is drawn over it goes away at the end. One that is still going in this tab ends.
 */
export function pickElement({ hint, timeoutMs }: { hint: string; timeoutMs: number }): Promise<string | null> {
  const world = globalThis as typeof globalThis & { pspEndPicking?: () => void }
  world.pspEndPicking?.()
  const host = document.createElement("div")
  const frame = document.createElement("div")
  const words = document.createElement("div")
  const top = "position:fixed;z-index:2147483647;pointer-events:none;"
  host.style.cssText = `all:initial;${top}`
  frame.style.cssText = `${top}box-sizing:border-box;border:2px solid #0b5fc4;background:#0b5fc433;border-radius:3px`
  words.style.cssText = `${top}top:12px;left:50%;transform:translateX(-50%);padding:8px 14px;border-radius:8px;background:#0b5fc4;color:#fff;font:14px/1.4 system-ui,sans-serif`
  words.setAttribute("role", "status")
  words.textContent = hint
  host.attachShadow({ mode: "closed" }).append(frame, words)

  /** The shortest way that finds this one first: an id, else the steps down from one. */
  const selectorOf = (element: Element): string | null => {
    const steps: string[] = []
    for (let one: Element | null = element; one !== null && one !== document.documentElement; one = one.parentElement) {
      const { id, localName, parentElement } = one
      // Digits are often of this visit only.
      const isLasting = id !== "" && !/\d{3}/.test(id)
      const kin = [...(parentElement?.children ?? [])].filter((other) => other.localName === localName)
      const place = kin.length > 1 ? `:nth-of-type(${kin.indexOf(one) + 1})` : ""
      steps.unshift(isLasting ? `#${CSS.escape(id)}` : `${CSS.escape(localName)}${place}`)
      const selector = steps.join(" > ")
      if (selector.length > 1000) return null
      if (isLasting && document.querySelector(selector) === element) return selector
    }
    return steps.length === 0 ? null : steps.join(" > ")
  }

  return new Promise((resolve) => {
    const controller = new AbortController()
    const end = (selector: string | null) => {
      clearTimeout(timer)
      controller.abort()
      host.remove()
      if (world.pspEndPicking === cancel) delete world.pspEndPicking
      resolve(selector)
    }
    const cancel = () => end(null)
    const timer = setTimeout(cancel, timeoutMs)
    world.pspEndPicking = cancel
    const hold = (event: Event) => {
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    const listening = { capture: true, signal: controller.signal }
    for (const type of ["pointerdown", "pointerup", "mousedown", "mouseup", "touchstart", "touchend", "auxclick"]) {
      addEventListener(type, hold, { ...listening, passive: false })
    }
    const onMove = ({ clientX, clientY }: PointerEvent) => {
      const found = document.elementFromPoint(clientX, clientY)
      if (found === null) return
      const { left, top: y, width, height } = found.getBoundingClientRect()
      Object.assign(frame.style, { left: `${left}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` })
    }
    addEventListener("pointermove", onMove, listening)
    const onClick = (event: MouseEvent) => {
      hold(event)
      const found = document.elementFromPoint(event.clientX, event.clientY)
      end(found === null ? null : selectorOf(found))
    }
    addEventListener("click", onClick, listening)
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return
      hold(event)
      cancel()
    }
    addEventListener("keydown", onKey, listening)
    addEventListener("pagehide", cancel, listening)
    document.documentElement.append(host)
  })
}
