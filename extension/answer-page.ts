import { isPspError } from "../shared/errors.js"
import { openWithPassphrase, sealWithPassphrase } from "../shared/passphrase.js"

/** What a page asks of the worker. */
export type Work =
  { does: "seal"; secret: string; passphrase: string } | { does: "open"; file: Uint8Array; passphrase: string }

export type Answer = { result: Uint8Array | string | null } | { code: string; message: string }

/** In the worker: answers what the page that started it asks. */
export function answerPage(scope: {
  addEventListener(type: "message", listener: (event: MessageEvent<Work>) => void): void
  postMessage(message: Answer): void
}): void {
  scope.addEventListener("message", ({ data }) => {
    work(data)
      .then((result) => scope.postMessage({ result }))
      .catch((error: unknown) => {
        const known = isPspError(error) ? error : null
        scope.postMessage({
          code: known?.code ?? "internal",
          message: known?.message ?? "Unlocking failed unexpectedly",
        })
      })
  })
}

function work(asked: Work): Promise<Uint8Array | string | null> {
  return asked.does === "seal"
    ? sealWithPassphrase(asked.secret, asked.passphrase)
    : openWithPassphrase(asked.file, asked.passphrase)
}
