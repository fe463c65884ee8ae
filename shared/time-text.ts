/** A time (ms since epoch) to the second, the same for every reader: `2027-01-31T08:00:00Z`. */
export function timeText(ms: number | null): string {
  return ms === null ? "-" : new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z")
}
