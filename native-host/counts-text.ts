import type { Counts, Kind } from "../shared/report.js"

const names: Record<Kind, [one: string, more: string]> = {
  cookies: ["cookie", "cookies"],
  localStorage: ["localStorage key", "localStorage keys"],
  sessionStorage: ["sessionStorage key", "sessionStorage keys"],
  indexedDB: ["IndexedDB record", "IndexedDB records"],
  context: ["", ""],
  opfs: ["private file", "private files"],
}

/** `3 cookies, 1 localStorage key`; the browser's own facts are not counted. */
export function countsText(counts: Counts): string {
  const told = Object.entries(counts).flatMap(([kind, count]) => {
    const [one, more] = names[kind as Kind]
    return one === "" || count === 0 ? [] : `${count} ${count === 1 ? one : more}`
  })
  return told.length === 0 ? "nothing" : told.join(", ")
}
