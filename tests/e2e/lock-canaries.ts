import { readdir, readFile } from "node:fs/promises"
import path from "node:path"
import { bech32 } from "@scure/base"

/** Runs in a page of the extension: the identity's line as it is kept before there is a lock. */
export async function readKeptIdentity(): Promise<string> {
  const opened = await new Promise<IDBDatabase>((resolve) => {
    const asking = indexedDB.open("persistent-sessions")
    asking.onsuccess = () => resolve(asking.result)
  })
  const kept = await new Promise<Blob>((resolve) => {
    const asking = opened.transaction("secrets").objectStore("secrets").get("identity") as IDBRequest<Blob>
    asking.onsuccess = () => resolve(asking.result)
  })
  opened.close()
  return kept.text()
}

/** Every form in which the secret that opens could lie on a disk. */
export function canariesOf(line: string, passphrase: string): Buffer[] {
  const { words } = bech32.decode(line.toLowerCase() as `${string}1${string}`, false)
  const secret = bech32.fromWords(words).slice(49, 81)
  const age = bech32.encode("age-secret-key-", bech32.toWords(secret), false).toUpperCase()
  const texts = [line, age, Buffer.from(secret).toString("base64"), Buffer.from(secret).toString("hex"), passphrase]
  return [Buffer.from(secret), ...texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, "utf16le")])]
}

/** Files of the profile that hold one of these. */
export async function filesWith(profile: string, canaries: Buffer[]): Promise<string[]> {
  const entries = await readdir(profile, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((one) => one.isFile())) {
    const file = path.join(entry.parentPath, entry.name)
    // Some come and go while the browser runs.
    const bytes = await readFile(file).catch(() => Buffer.alloc(0))
    if (canaries.some((canary) => bytes.includes(canary))) found.push(path.relative(profile, file))
  }
  return found
}
