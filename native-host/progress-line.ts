import type { Progress } from "./command.js"
import { sizeText } from "./terminal.js"

/** One line at the bottom of a terminal, drawn over itself. */
export interface ProgressLine {
  show: (progress: Progress) => void
  /** Leaves the line empty, for whatever is written next. */
  clear: () => void
}

export interface Terminal {
  write: (text: string) => void
  columns: () => number
  /** ms. */
  now: () => number
}

/** Between two drawings (ms): a terminal far away shall not slow the work down. */
const pause = 100
const barWidth = 24

/** @param terminal null: nothing is drawn */
export function createProgressLine(terminal: Terminal | null): ProgressLine {
  if (terminal === null) return { show: () => undefined, clear: () => undefined }
  const { write, columns, now } = terminal
  let begun: { doing: string; at: number } | null = null
  let drawnAt: number | null = null
  return {
    show(progress) {
      const at = now()
      if (begun?.doing !== progress.doing) begun = { doing: progress.doing, at }
      const isLast = progress.done === progress.total
      if (drawnAt !== null && Math.abs(at - drawnAt) < pause && !isLast) return
      drawnAt = at
      // A line as wide as the terminal would go on in the next one, which nothing clears.
      write(`\r\u001b[K${progressText(progress, at - begun.at).slice(0, Math.max(0, columns() - 1))}`)
    },
    clear() {
      if (drawnAt !== null) write("\r\u001b[K")
      drawnAt = null
    },
  }
}

/** `Copying [######------] 12/40 3.4 MiB of 9.0 MiB, 1.1 MiB/s`. @param spent ms since the beginning */
export function progressText({ doing, done, total, bytes, totalBytes }: Progress, spent: number): string {
  const whole = totalBytes === undefined || totalBytes === 0 ? total : totalBytes
  const part = totalBytes === undefined || totalBytes === 0 ? done : (bytes ?? 0)
  const filled = whole === 0 ? barWidth : Math.min(barWidth, Math.floor((part / whole) * barWidth))
  const bar = `${"#".repeat(filled)}${"-".repeat(barWidth - filled)}`
  const size = bytes === undefined || totalBytes === undefined ? "" : ` ${sizeText(bytes)} of ${sizeText(totalBytes)}`
  const rate = bytes === undefined || spent < 500 ? "" : `, ${sizeText((bytes * 1000) / spent)}/s`
  return `${doing} [${bar}] ${done}/${total}${size}${rate}`
}
