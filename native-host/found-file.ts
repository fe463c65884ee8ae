import { createReadStream } from "node:fs"
import { PspError } from "../shared/errors.js"
import { readableFormats, type ReadableFormat } from "../shared/formats/detect.js"
import { maxFileBytes } from "../shared/formats/file-text.js"
import type { Found } from "../shared/formats/found.js"

/**
 * What a file of another tool holds.
 *
 * @param doing the verb of the message: `capture from`
 * @throws `not-found`, `usage` for a file that cannot be read and a format that is none, `too-large`, `bad-snapshot`
 */
export async function readFound(
  path: string,
  doing: string,
  named?: string,
): Promise<{ found: Found; format: ReadableFormat }> {
  const format = readableFormats.find((name) => name === named)
  if (named !== undefined && format === undefined) {
    throw new PspError("usage", `Cannot ${doing} "${named}": expected --format ${readableFormats.join(", ")}`)
  }
  const bytes = await readWhole(path, doing)
  const { readFoundFile } = await import("../shared/formats/read-file.js")
  return readFoundFile(bytes, format)
}

/** A pipe has no size, and a device has no end: no more is read than may be there. */
async function readWhole(path: string, doing: string): Promise<Uint8Array> {
  try {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxFileBytes) break
      chunks.push(chunk)
    }
    if (size <= maxFileBytes) return Buffer.concat(chunks)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ENOENT") throw new PspError("not-found", `Cannot ${doing} ${path}: there is no such file`)
    throw new PspError("usage", `Cannot ${doing} ${path}: it cannot be read (${String(code)})`)
  }
  throw new PspError("too-large", `Cannot ${doing} ${path}: it has more than ${maxFileBytes >> 20} MiB`)
}
