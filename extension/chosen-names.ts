import { nameKinds, partsOfName, type NameKind } from "../shared/field-names.js"

/** Names of one kind: as a grant has them, and as people do. */
export interface NamesOfKind {
  kind: NameKind
  items: { text: string; name: string }[]
}

export function namesByKind(names: readonly string[]): NamesOfKind[] {
  const all = names.flatMap((text) => {
    const parts = partsOfName(text)
    return parts === null ? [] : [{ text, ...parts }]
  })
  return nameKinds
    .map((kind) => ({
      kind,
      items: all.filter((item) => item.kind === kind).map(({ text, name }) => ({ text, name })),
    }))
    .filter(({ items }) => items.length > 0)
}

/** Those that a person looks for by a part of the name, in whatever case. */
export function foundNames(names: readonly string[], wanted: string): string[] {
  const part = wanted.trim().toLowerCase()
  return names.filter((text) => (partsOfName(text)?.name ?? "").toLowerCase().includes(part))
}
