import type { Gap } from "../../shared/report.js"

/** Names that are as long as browsers and sites let them be. */
export const longName = "a-name-without-any-place-to-break-it-".repeat(6)

const origins = ["api", "files"].map((host) => `https://${host}.${longName.slice(0, 60)}.example.test`)

/** As a save names them: one that the popup can open, one with all the text there is. */
export const manyGaps: Gap[] = [
  ...origins.map((where) => ({
    kind: "origin" as const,
    where,
    what: "page storage",
    why: "no tab shows it",
    fix: "open it, then save again",
    count: 1,
  })),
  {
    kind: "indexedDB",
    where: origins[0] ?? "",
    what: longName,
    why: "the page did not answer within 10 seconds",
    fix: "close its dialogs or reload it, then save again",
    count: 1,
  },
]

const message =
  "Cannot save session of example.test: the browser does not let this extension read it; click Save session again and allow it"

/** Everything a save goes through, and each way it may end. */
export const saveStates = [
  { phase: "permission" },
  { phase: "capture" },
  { phase: "capture", bytesRead: 2048 },
  { phase: "capture", bytesRead: 123_456_789 },
  { phase: "seal" },
  { phase: "transport", sealed: { gaps: manyGaps, objects: 1, bytes: 1 } },
  { phase: "saved", sealed: { gaps: [], objects: 1, bytes: 1 }, savedAt: 0 },
  { phase: "saved", sealed: { gaps: manyGaps, objects: 1, bytes: 1 }, savedAt: 0 },
  { phase: "waiting", sealed: { gaps: manyGaps, objects: 1, bytes: 1 }, code: "unreachable", message },
  { phase: "failed", code: "permission-refused", message },
] as const

/** Runs in the popup: shows a state of the save, as the background would write it down. */
export function scriptShowing(state: object, site = "example.test"): string {
  const intent = {
    id: "shown",
    tabId: 0,
    site,
    alsoSites: [],
    account: "default",
    kinds: [],
    withoutOrigins: [],
    openFirst: [],
  }
  const save = { intent, since: 0, timings: {}, ...state }
  return `(globalThis.browser ?? chrome).storage.session.set({ save: ${JSON.stringify(save)} })`
}

/** Runs in the popup: where everything is that a person may be about to press, by its name. */
export const placesScript = `(() => {
  const places = {}
  for (const one of document.querySelectorAll("header button, main > button, main > fieldset > label input, .session button")) {
    const { x, y, width, height } = one.getBoundingClientRect()
    const name = one.closest("label")?.querySelector(".text")?.textContent ?? one.textContent
    places[name] = [x + scrollX, y + scrollY, width, height].map(Math.round).join(" ")
  }
  return JSON.stringify(places)
})()`

/** Runs in the popup: elements that stand out to the side, by what they are. */
export const overflowScript = `(() => {
  const width = document.documentElement.clientWidth
  const wide = [...document.querySelectorAll("body *")].filter((one) => {
    const { left, right } = one.getBoundingClientRect()
    return left < 0 || right > width + 0.5
  })
  const scrolls = document.documentElement.scrollWidth > width ? ["the page itself"] : []
  return JSON.stringify([...scrolls, ...wide.map((one) => one.outerHTML.slice(0, 80))])
})()`

/**
 * Runs in the popup: texts whose contrast with what is behind them is below 4.5 to 1 (WCAG 2.2, 1.4.3), with the ratio.
 * Disabled controls are exempt.
 */
export const lowContrastScript = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  const rgbaOf = (color) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const lightOf = ([red, green, blue]) => {
    const linear = [red, green, blue].map((part) => {
      const value = part / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
  }
  const groundOf = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const ground = rgbaOf(getComputedStyle(one).backgroundColor)
      if (ground[3] === 255) return ground
    }
    return [255, 255, 255, 255]
  }
  const low = []
  for (const one of document.querySelectorAll("body *")) {
    const hasText = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "")
    if (!hasText || one.closest(":disabled, [aria-disabled=true], datalist") !== null) continue
    const [text, ground] = [rgbaOf(getComputedStyle(one).color), groundOf(one)].map(lightOf)
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05)
    if (ratio < 4.5) low.push(one.textContent.slice(0, 40) + ": " + ratio.toFixed(2))
  }
  return JSON.stringify(low)
})()`
