/** `persistent-sessions/node`: the vault of this machine, as the command line finds it. */
export { openHomeVault } from "./home-vault.js"
export type { HomeVaultOptions } from "./home-vault.js"
export type { Unlock } from "./unlock.js"
