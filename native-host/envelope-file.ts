import { readFile } from "node:fs/promises"
import { maxEnvelopeBytes } from "../shared/envelope.js"
import { PspError } from "../shared/errors.js"

/** True for what a command takes for a sealed file and no site: no domain ends so. */
export function isEnvelopePath(text: string): boolean {
  return /\.psp$/i.test(text)
}

/**
 * A sealed session that lies in a file.
 *
 * @param doing the verb of the message: `import`
 * @throws `not-found`, `usage` for a file that cannot be read, `damaged` for one that is too large
 */
export async function readEnvelope(path: string, doing: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path)
    if (bytes.length <= maxEnvelopeBytes) return bytes
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOENT") throw new PspError("not-found", `Cannot ${doing} ${path}: there is no such file`)
    throw new PspError("usage", `Cannot ${doing} ${path}: it cannot be read (${String(code)})`)
  }
  throw new PspError("damaged", `Cannot ${doing} ${path}: it is larger than an envelope may be (96 MiB)`)
}
