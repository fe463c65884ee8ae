/** All that a careless log would have of an error: its stack, its fields, and the same of its causes. */
export function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify({ error })
  const fields = JSON.stringify(Object.fromEntries(Object.entries(error)))
  return `${error.name} ${error.message} ${error.stack ?? ""} ${fields} ${everythingIn(error.cause)}`
}
