import { browser } from "wxt/browser"
import { errorCodeOf, PspError } from "../shared/errors.js"
import type { Answer, Work } from "./answer-page.js"

/** An age file. @throws `usage` */
export async function sealInWorker(secret: string, passphrase: string): Promise<Uint8Array> {
  const result = await inWorker({ does: "seal", secret, passphrase })
  if (!(result instanceof Uint8Array)) throw new PspError("internal", "Locking failed unexpectedly")
  return result
}

/** Null for a wrong passphrase. @throws `bad-identity`, `usage` */
export async function openInWorker(file: Uint8Array, passphrase: string): Promise<string | null> {
  const result = await inWorker({ does: "open", file, passphrase })
  return typeof result === "string" ? result : null
}

/** A page may start one, a Chromium background may not: whoever locks or unlocks does so in a page. It ends with its answer. */
async function inWorker(asked: Work): Promise<Uint8Array | string | null> {
  const worker = new Worker(browser.runtime.getURL("/passphrase.js"))
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => resolve(data))
      worker.addEventListener("error", () => reject(new PspError("internal", "Unlocking failed: no worker started")))
      worker.postMessage(asked)
    })
    if ("code" in answer) throw new PspError(errorCodeOf(answer.code), answer.message)
    return answer.result
  } finally {
    worker.terminate()
  }
}
