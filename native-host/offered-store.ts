import { PspError, toPspError } from "../shared/errors.js"
import type { StoreFacts } from "../shared/store-facts.js"
import { readConfig, writeConfig } from "./config.js"
import { credentialNames, readStoreCredentials } from "./credentials.js"
import { hasEndpoint, placeOf, shownAddress } from "./store-address.js"
import { storeFacts } from "./store-facts.js"
import { storeKind } from "./store-kind.js"
import { checkOfferedFolder } from "./offered-folder.js"
import { defaultStore, folderOf, knownStoreKind } from "./stores.js"
import { configWithStore, tryStore } from "./try-store.js"

type Env = Record<string, string | undefined>

export interface OfferOptions {
  signal: AbortSignal
  /** How long the trial may take (ms): a browser gives up a host that is silent for a minute. */
  patience?: number
  /** ms since epoch. */
  now?: () => number
}

/**
 * What a browser may do to the store of this computer: name another one, which is set once its trial went well. Less is
 * taken from there than from the command line, since a browser's page is no place for secrets, and whoever got hold of an
 * extension must not send those of this computer elsewhere.
 *
 * @param address null for the folder in `home`
 * @throws `bad-config` for what is no address to be taken from there, `aborted`, `unreachable` when it takes too long, and
 * what the trial throws; nothing is set then
 */
export async function setOfferedStore(
  home: string,
  env: Env,
  address: string | null,
  { signal, patience = 45_000, now = Date.now }: OfferOptions,
): Promise<StoreFacts> {
  if ((env["PSP_STORE"] ?? "") !== "") {
    throw new PspError(
      "bad-config",
      "Cannot change the store: the variable PSP_STORE is set where this browser was started, and wins; unset it there",
    )
  }
  const tried = address ?? defaultStore(home)
  if (address !== null) {
    checkOffered(address)
    if (storeKind(address) === "file") await checkOfferedFolder(folderOf(address), home)
    await checkEndpoint(address, home)
  }
  const probe = await withPatience(patience, signal, (both) => tryStore(tried, env, home, { signal: both }))
  const config = configWithStore(await readConfig(home), tried, probe, now())
  if (address === null) delete config.store
  if (signal.aborted) throw calledOff()
  await writeConfig(home, config)
  return storeFacts(home, env)
}

/** By its words alone. @throws `bad-config` for an address that a browser may not name, in words that hold nothing of it */
export function checkOffered(address: string): void {
  const kind = knownStoreKind(address)
  if (kind === "unknown") {
    throw bad("expected one that begins with file:///, s3://, redis://, rediss:// or cloudflare-kv://")
  }
  if (kind === "memory") throw bad("what is kept in memory ends with the process that keeps it, after each save")
  if (kind === "file") checkFolder(address)
  else if (hasNoServer(address)) throw bad("its endpoint is no address of a server, like https://s3.example.com")
  else if (shownAddress(address).includes("…")) {
    const commands = credentialNames(address).map((name) => `psp config set credentials.${name}`)
    throw bad(
      `there is a password in it, or what may be one, and a browser is no place for it; leave it out, and keep it on this computer with ${commands.join(", ")}`,
    )
  } else if (new URL(address).searchParams.has("ca")) {
    throw bad(
      "which certificate to trust is chosen on this computer; leave ?ca= out, or run psp config set store there",
    )
  }
  placeOf(address)
}

/** True where the endpoint is a word: what has a : or @ in it may be a user and a password. */
function hasNoServer(address: string): boolean {
  const endpoint = URL.canParse(address) ? new URL(address).searchParams.get("endpoint") : null
  return endpoint !== null && !URL.canParse(endpoint) && !/[:@]/.test(endpoint)
}

/** `new URL` makes file:vault and file:///vault?x the folder /vault, which nobody meant. */
function checkFolder(address: string): void {
  const url = URL.canParse(address) ? new URL(address) : null
  if (!/^file:\/\/\/[^/]/.test(address) || url?.search !== "" || url.hash !== "") {
    throw bad("expected the whole path of a folder, as file:///absolute/folder (%3F for a ?, %23 for a #)")
  }
}

/** The variables of this computer are for Amazon and Cloudflare; for another server something must be kept, by the person. */
async function checkEndpoint(address: string, home: string): Promise<void> {
  if (!hasEndpoint(address) || Object.keys(await readStoreCredentials(home, address)).length > 0) return
  const commands = credentialNames(address)
    .filter((name) => name !== "sessionToken")
    .map((name) => `psp config set credentials.${name} --store ADDRESS`)
  throw bad(
    `nothing is kept for its server, and what this computer has in its environment goes to no server that a browser names; keep it there first with ${commands.join(" and ")}`,
  )
}

async function withPatience<T>(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = AbortSignal.timeout(ms)
  try {
    return await work(AbortSignal.any([signal, late]))
  } catch (error) {
    if (signal.aborted) throw calledOff()
    if (!late.aborted) throw toPspError(error, "Trying the store")
    throw new PspError(
      "unreachable",
      `Cannot use the store: its trial did not come to an end within ${Math.round(ms / 1000)} seconds; nothing was set`,
    )
  }
}

function calledOff(): PspError {
  return new PspError("aborted", "Cannot change the store: it was called off; nothing was set")
}

function bad(why: string): PspError {
  return new PspError("bad-config", `Cannot use this address of a store: ${why}`)
}
