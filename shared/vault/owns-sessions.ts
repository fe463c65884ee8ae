import type { Card } from "../keys.js"
import type { CallOptions, Provider } from "../provider.js"

/** True where somebody keeps sessions in this very store under the vault that a card names: its owners are told something there. */
export async function ownsSessions(
  provider: Pick<Provider, "list">,
  { vault }: Pick<Card, "vault">,
  call: CallOptions = {},
): Promise<boolean> {
  if (vault === null) return false
  const members = provider.list(`${vault}/members/`, call)
  return (await members[Symbol.asyncIterator]().next()).done !== true
}
