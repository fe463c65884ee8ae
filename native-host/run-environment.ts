import { storeKind } from "./store-kind.js"

/** Where a command finds the session. */
export const stateVariable = "PSP_STORAGE_STATE"

type Env = Record<string, string | undefined>

/** psp's own, whatever the store: the key to every session of this machine, where its passphrase lies, and an address that may hold a password. */
const own = ["PSP_IDENTITY", "PSP_PASSPHRASE_FILE", "PSP_NEW_PASSPHRASE_FILE", "PSP_STORE"]

/** What psp opens a store of that kind with. For any other store these are somebody else's, and stay. */
const credentialsByKind: Record<string, string[]> = {
  s3: ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"],
  "cloudflare-kv": ["CLOUDFLARE_API_TOKEN"],
}

/**
 * The environment for a command that is given one session: without what psp opens the others with.
 *
 * @param store address of the store that is in use
 * @param keep names that the command needs all the same, parted by commas
 */
export function environmentOfCommand(env: Env, store: string, keep = ""): Env {
  const kept = keep.split(",").map((name) => name.trim().toUpperCase())
  const withheld = [...own, ...(credentialsByKind[storeKind(store)] ?? [])].filter((name) => !kept.includes(name))
  // Windows knows no case in names.
  return Object.fromEntries(Object.entries(env).filter(([name]) => !withheld.includes(name.toUpperCase())))
}
