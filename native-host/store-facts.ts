import { isPspError } from "../shared/errors.js"
import type { CredentialFact, StoreFacts, StoreTrial } from "../shared/store-facts.js"
import { readConfig, type Config } from "./config.js"
import { credentialNames, readStoreCredentials, type CredentialName, type StoreCredentials } from "./credentials.js"
import { namesS3Credentials } from "./s3-store.js"
import { hasEndpoint, shownAddress, splitPassword } from "./store-address.js"
import { storeKind } from "./store-kind.js"
import { defaultStore } from "./stores.js"

type Env = Record<string, string | undefined>

/** The store that is set, as everybody may see it. @throws `bad-config`, `unsafe-permissions` for files that cannot be used */
export async function storeFacts(home: string, env: Env): Promise<StoreFacts> {
  const config = await readConfig(home)
  const { PSP_STORE: variable = "" } = env
  const source = variable !== "" ? "variable" : config.store !== undefined ? "config" : "default"
  const address = variable !== "" ? variable : (config.store ?? defaultStore(home))
  return {
    address: shownAddress(address),
    source,
    // An address that is none asks for nothing, and can still be changed.
    credentials: await credentialFacts(home, env, address).catch((error: unknown) => {
      if (isPspError(error, "bad-config")) return []
      throw error
    }),
    trial: trialOf(config, address),
  }
}

/** By name, what a store of this address can be given and whether it is there. @throws as `readStoreCredentials` */
export async function credentialFacts(home: string, env: Env, address: string): Promise<CredentialFact[]> {
  const kept = await readStoreCredentials(home, address)
  const given = givenNames(address, env, kept)
  return credentialNames(address).map((name) => {
    if (given.includes(name)) return { name, state: "given" }
    if (kept[name] !== undefined) return { name, state: "kept" }
    return { name, state: isNeeded(name, kept, given) ? "missing" : "none" }
  })
}

/** Those that are found elsewhere, where that is what will be used. */
function givenNames(address: string, env: Env, kept: StoreCredentials): CredentialName[] {
  if (hasEndpoint(address) && Object.keys(kept).length > 0) return []
  switch (storeKind(address)) {
    case "redis":
    case "rediss":
      return splitPassword(address).password === null ? [] : ["password"]
    case "s3":
      return namesS3Credentials(env) ? ["accessKeyId", "secretAccessKey"] : []
    case "cloudflare-kv":
      return (env["CLOUDFLARE_API_TOKEN"]?.trim() ?? "") === "" ? [] : ["token"]
    default:
      return []
  }
}

/** An S3 store without any looks where the AWS tools do; with one of the pair it needs the other. */
function isNeeded(name: CredentialName, kept: StoreCredentials, given: CredentialName[]): boolean {
  if (name === "token") return true
  const isPair = name === "accessKeyId" || name === "secretAccessKey"
  return isPair && given.length === 0 && Object.keys(kept).length > 0
}

function trialOf({ trial }: Config, address: string): StoreTrial | null {
  if (trial?.of !== address) return null
  const { at, isCreateOnly, maxObjectBytes, warnings } = trial
  return { at, isCreateOnly, maxObjectBytes, warnings }
}
