/**
 * Where sealed bytes rest. A provider knows names and bytes, nothing else; names are `/`-separated segments of
 * `[a-z0-9.-]`, never site text (see `isObjectName`).
 *
 * Absent is null, broken throws a `PspError` with one of `unreachable`, `denied`, `full`, `rate-limited`, `corrupt`,
 * `aborted`.
 */
export interface Provider {
  /**
   * The largest object that this store takes (bytes), where it is less than `maxObjectBytes`. The vault splits what is
   * larger, so that no provider has to.
   */
  readonly maxObjectBytes?: number
  /**
   * Creates the object; resolves only when it is durable. Never replaces: a name that exists with the same bytes is
   * success, with other bytes it throws `corrupt` and leaves the old ones.
   */
  put(name: string, bytes: Uint8Array, options?: PutOptions): Promise<void>
  /** The object's bytes, or null when there is none. */
  get(name: string, options?: CallOptions): Promise<Uint8Array | null>
  /** Every object whose name starts with `prefix`, in ascending order of name (code units). */
  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject>
  /** Removes the object; one that is not there is success. */
  remove(name: string, options?: CallOptions): Promise<void>
  /** Throws what would stop the next `put`, as far as can be told without one. */
  check?(options?: CallOptions): Promise<void>
  /**
   * What is wrong with the store itself, whatever the objects hold: something left behind, something that others may read.
   * Changes nothing; ends when everything was looked at.
   */
  audit?(options?: CallOptions): AsyncIterable<StoreDefect>
  /** What a person should know before trusting this store with sessions; nothing when all is well. */
  warnings?(options?: CallOptions): Promise<StoreWarning[]>
  /**
   * Says `watching` once it sees what changes under the prefix, also again after it lost sight for a while, and `changed`
   * when something was put since it last said so. A hint, no more: it may miss (removals above all), repeat, and speak too
   * often, so whoever watches lists again, and now and then without being told.
   *
   * Ends when the loop over it does; throws `aborted` when its signal is, and the provider's codes when the store stays away.
   */
  watch?(prefix: string, options?: CallOptions): AsyncIterable<"watching" | "changed">
  /** Lets go of connections. */
  close?(): Promise<void>
}

export interface StoreDefect {
  /**
   * `stale-temporary`: half an object that whoever wrote it left behind. `wrong-mode`: others may read or change it.
   * `extra`: nothing that this project put there.
   */
  code: "stale-temporary" | "wrong-mode" | "extra"
  /** As the store calls it: a path in a folder, a key. */
  name: string
  /** One sentence: what was expected and what is there. */
  message: string
  /** One sentence: what to do about it. */
  advice: string
}

export interface StoredObject {
  name: string
  /** Bytes. */
  size: number
}

export interface CallOptions {
  signal?: AbortSignal
}

export interface PutOptions extends CallOptions {
  /** A hint (ms since epoch): nobody needs the object a while after this. A store that can may let go of it then. */
  expiresAt?: number
}

export interface StoreWarning {
  /** Stable, for programs. */
  code: string
  /** One sentence, for people. */
  message: string
}

/** The largest object that is stored or moved (bytes). */
export const maxObjectBytes = 96 * 1024 * 1024

const segment = "[a-z0-9][a-z0-9.-]{0,127}"
const namePattern = new RegExp(`^${segment}(?:/${segment}){0,7}$`)
const prefixPattern = new RegExp(`^(?:${segment}/){0,7}(?:${segment})?$`)

/** True for a name that every provider must accept. `..` and empty segments can never match. */
export function isObjectName(name: unknown): name is string {
  return typeof name === "string" && name.length <= 512 && namePattern.test(name) && !name.includes("..")
}

/** True for what may be asked of `list`: the beginning of an object name, possibly empty. */
export function isObjectPrefix(prefix: unknown): prefix is string {
  return typeof prefix === "string" && prefix.length <= 512 && prefixPattern.test(prefix) && !prefix.includes("..")
}
