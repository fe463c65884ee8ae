import { lstat } from "node:fs/promises"
import { PspError } from "../shared/errors.js"
import { writePrivateFile } from "./private-file.js"

/** Writes a file that the person named: 0600, whole or not at all, only in the place of nothing or of a plain file. */
export async function writeOut(path: string, content: string | Uint8Array): Promise<void> {
  const stats = await lstat(path).catch(() => null)
  if (stats !== null && !stats.isFile()) {
    throw new PspError("usage", `Cannot write ${path}: something else than a plain file is in its place`)
  }
  try {
    await writePrivateFile(path, content)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
    throw new PspError(
      code === "ENOSPC" || code === "EFBIG" ? "full" : "denied",
      `Cannot write ${path}: the system refused (${code})`,
    )
  }
}
