import { inspect } from "node:util"
import { createStructuredCodec } from "../shared/structured.js"

const codec = createStructuredCodec()

/**
 * A key or value of IndexedDB as a person reads it. What only a browser can make (ImageData), what is read asynchronously
 * (CryptoKey) and what is damaged stays the text that the value codec wrote.
 */
export function readableRecord(text: string): string {
  try {
    const value = codec.decode(text)
    if (!(value instanceof Promise)) {
      return inspect(value, {
        depth: 6,
        maxArrayLength: 50,
        maxStringLength: 2000,
        breakLength: Infinity,
        compact: true,
        customInspect: false,
      })
    }
    value.catch(() => undefined)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "DecodeError") throw error
  }
  return text
}
