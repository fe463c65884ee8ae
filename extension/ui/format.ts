/** Times and sizes in the person's language. */

export function timeOf(ms: number): string {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
}

export function dateOf(ms: number): string {
  return new Date(ms).toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })
}

/** A day and a time, to the minute. */
export function dayTimeOf(ms: number): string {
  return new Date(ms).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
}

/** "3 minutes ago", "in 2 days". */
export function agoOf(ms: number, now = Date.now()): string {
  const seconds = Math.round((ms - now) / 1000)
  const format = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" })
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ["day", 86_400],
    ["hour", 3600],
    ["minute", 60],
  ]
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit)
  }
  return format.format(seconds, "second")
}

/** "15 minutes", "8 hours", "7 days". */
export function spanOf(ms: number): string {
  const hours = ms / 3_600_000
  const [value, unit] = hours < 1 ? [hours * 60, "minute"] : hours < 24 ? [hours, "hour"] : [hours / 24, "day"]
  return value.toLocaleString([], { style: "unit", unit, unitDisplay: "long" })
}

export function sizeOf(bytes: number): string {
  const unit = bytes >= 1024 * 1024 ? "megabyte" : "kilobyte"
  const value = unit === "megabyte" ? bytes / (1024 * 1024) : bytes / 1024
  return value.toLocaleString([], {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: value < 10 ? 1 : 0,
  })
}
