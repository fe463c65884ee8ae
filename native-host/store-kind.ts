/** Scheme of an address, for people and reports; an address may hold a password, its scheme never does. */
export function storeKind(address: string): string {
  return /^([a-z][a-z0-9-]{0,31}):/.exec(address)?.[1] ?? "unknown"
}
