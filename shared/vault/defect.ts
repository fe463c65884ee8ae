import type { StoreDefect } from "../provider.js"

/** Something that is not as this vault left it. */
export interface Defect {
  code: DefectCode
  /** Of the object, or the folder of the session that it is about; as the store calls it for the store's own. */
  name: string
  /** One sentence: what is wrong. */
  message: string
  /** One sentence: what to do about it. */
  advice: string
}

export type DefectCode = keyof typeof sentences | StoreDefect["code"]

const spare = "put it back from another store or a copy, or remove it; older saves of the session are not touched by it"
const warned = "find out who may write to this store, and remove it"

const sentences = {
  "bit-rot": ["It does not hold the bytes that were stored under its name", spare],
  swapped: ["It is sound, but lies under a name that is not its own", warned],
  missing: ["Another object names it, and the store does not show it", "put it back from another store or a copy"],
  extra: ["It has a name that this project never writes", warned],
  "unknown-writer": ["Nobody of this vault wrote it; it is never opened", warned],
  damaged: ["Its bytes are whole, but it does not open: it was damaged before it was stored, or made up", warned],
  "too-new": ["A newer version of this project wrote it", "update this one"],
  "clock-ahead": [
    "Its writer's clock ran ahead, so it is left aside until that time comes",
    "set that device's clock, and save there again",
  ],
  "rolled-back": [
    "The store shows less than this device has seen in it",
    "put back what is gone from another store or a copy; whoever runs the store may have brought back an old state",
  ],
} as const

export function defectOf(code: keyof typeof sentences, name: string): Defect {
  const [message, advice] = sentences[code]
  return { code, name, message, advice }
}
