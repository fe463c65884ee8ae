import { PspError } from "../shared/errors.js"

/** Where the operating system keeps secrets for a user who is logged in. */
export interface Keychain {
  /** null where it has none by that name. @throws `keychain-missing`, `keychain-locked` */
  read(name: string): Promise<string | null>
  write(name: string, secret: string): Promise<void>
  /** Does nothing where there is none by that name. */
  remove(name: string): Promise<void>
}

const service = "persistent-sessions"

/**
 * Secret Service on Linux (GNOME Keyring, KWallet, KeePassXC), Keychain on macOS, Credential Manager on Windows.
 *
 * Linux's kernel keyring would be taken where there is no Secret Service, and forgets at the next start of the computer: never that.
 */
export function systemKeychain(): Keychain {
  const entry = async (name: string) => {
    const { AsyncEntry } = await import("@napi-rs/keyring").catch((error: unknown) => {
      const what =
        "the package @napi-rs/keyring is not there, or not for this system; run: npm install -g @napi-rs/keyring"
      throw new PspError("keychain-missing", `Cannot use the system's keychain: ${what}`, { cause: error })
    })
    return new AsyncEntry(service, name, { linux: { store: "secret-service" } })
  }
  return {
    read: (name) => told(async () => (await entry(name)).getPassword()),
    write: (name, secret) => told(async () => (await entry(name)).setPassword(secret)),
    remove: (name) =>
      told(async () => {
        await (await entry(name)).deletePassword()
      }),
  }
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof PspError ? error : faultOf(error)
  }
}

/** The package tells its faults by text alone. */
function faultOf(error: unknown): PspError {
  const text = error instanceof Error ? error.message : ""
  if (/prompt|locked|denied by|not permitted|cancel/i.test(text)) {
    const what =
      "it is locked, or it was not allowed; unlock it (log in on the desktop, or open its password manager) and try again"
    return new PspError("keychain-locked", `Cannot use the system's keychain: ${what}`, { cause: error })
  }
  const what =
    process.platform === "linux"
      ? "no Secret Service answers in this login session; start one (GNOME Keyring, KWallet, KeePassXC), or use psp lock with a passphrase"
      : "it does not answer; use psp lock with a passphrase"
  return new PspError("keychain-missing", `Cannot use the system's keychain: ${what}`, { cause: error })
}
