/**
 * The text that `JSON.stringify` gives for plain data, in pieces: of a session of many megabytes there is never a second
 * copy as one text. What holds no arrays and objects is one piece.
 */
export function* jsonPieces(value: unknown): Generator<string, void, undefined> {
  if (!hasContainers(value)) {
    yield JSON.stringify(value)
  } else if (Array.isArray(value)) {
    let before = "["
    for (const item of value as unknown[]) {
      yield before
      yield* jsonPieces(item ?? null)
      before = ","
    }
    yield "]"
  } else {
    let before = "{"
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue
      yield `${before}${JSON.stringify(key)}:`
      yield* jsonPieces(item)
      before = ","
    }
    yield before === "{" ? "{}" : "}"
  }
}

function hasContainers(value: unknown): value is object {
  return isContainer(value) && Object.values(value).some(isContainer)
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null
}
