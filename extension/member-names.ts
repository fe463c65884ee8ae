import type { Vault } from "../shared/vault.js"

/** How people call the writers of a vault. Cards name themselves: a bot is called one, or it could pass for the person's laptop. */
export async function memberNames(vault: Vault): Promise<(writer: string) => string> {
  const grants = vault.isOwner ? await vault.grants() : []
  const bots = grants.map(({ card: { writerId, name } }): [string, string] => [writerId, `bot ${name}`])
  const owners = vault.owners().map(({ writerId, name }): [string, string] => [writerId, name])
  const names = new Map([...bots, ...owners])
  return (writer) => names.get(writer) ?? "somebody who is no member any more"
}
