import { createInterface } from "node:readline/promises"
import { Writable } from "node:stream"
import { PspError } from "../shared/errors.js"

/** Where a secret is typed or piped in. */
export interface SecretSource {
  input: NodeJS.ReadableStream & { isTTY?: boolean }
  /** Where the question goes; never what was typed. */
  output: Pick<NodeJS.WritableStream, "write">
}

/** No credential is longer (characters): Amazon's session tokens are the longest, with 4,096 at most. */
const longest = 16_384

/**
 * A secret, from a person who is asked and whose typing is not shown, else all of what is piped in, without the end of its
 * line. `""` when nothing came.
 *
 * @throws `aborted` on Ctrl-C, `usage` for more than a secret can be
 */
export async function readSecret(question: string, { input, output }: SecretSource): Promise<string> {
  if (input.isTTY === true) return typed(question, input, output)
  let text = ""
  for await (const chunk of input) {
    text += chunk.toString()
    if (text.length > longest) throw new PspError("usage", "Cannot take a credential: what was piped in is too long")
  }
  return text.replace(/\r?\n$/, "")
}

async function typed(
  question: string,
  input: NodeJS.ReadableStream,
  output: Pick<NodeJS.WritableStream, "write">,
): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
  output.write(question)
  try {
    return await new Promise<string>((resolve, reject) => {
      terminal.once("SIGINT", () => reject(new PspError("aborted", "Cannot take a credential: it was called off")))
      terminal.once("close", () => resolve(""))
      terminal.question("").then(resolve, reject)
    })
  } finally {
    terminal.close()
    output.write("\n")
  }
}
