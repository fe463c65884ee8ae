import { concatAll } from "../bytes.js"
import { PspError } from "../errors.js"
import { maxObjectBytes } from "../provider.js"

/** The body of an answer and how long it says it is (bytes). */
export interface S3Body {
  stream: ReadableStream<Uint8Array>
  length: number | undefined
}

/**
 * All bytes of a body.
 *
 * @throws `corrupt` for one that is larger than an object can be (nothing of it is read when its length says so) and for
 *   one whose bytes do not have the checksum that the store promised; `unreachable` for one that ends too early; what the
 *   connection throws, also when the signal of the request ends it
 */
export async function readS3Body({ stream, length }: S3Body, doing: string): Promise<Uint8Array> {
  const reader = stream.getReader()
  try {
    if (length !== undefined && length > maxObjectBytes) throw tooLarge(doing, length)
    const chunks: Uint8Array[] = []
    let got = 0
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      chunks.push(chunk.value)
      got += chunk.value.length
      if (got > maxObjectBytes) throw tooLarge(doing, got)
    }
    if (length !== undefined && got !== length) {
      throw new PspError("unreachable", `Cannot ${doing}: ${got} of ${length} bytes arrived`)
    }
    return concatAll(chunks)
  } catch (error) {
    await reader.cancel().catch(() => undefined)
    // The SDK compares, and has no class of its own for what it finds.
    if (error instanceof Error && error.message.startsWith("Checksum mismatch")) {
      throw new PspError("corrupt", `Cannot ${doing}: its bytes do not have the checksum that the store keeps for it`)
    }
    throw error
  }
}

function tooLarge(doing: string, length: number): PspError {
  return new PspError("corrupt", `Cannot ${doing}: ${length} bytes are more than an object can have`)
}
