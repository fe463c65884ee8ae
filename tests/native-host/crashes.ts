import { PspError } from "../../shared/errors.js"

/** Ways a host may crash with a value in its hands: in the message, in the name, as a property, in a cause, in the stack. */
export function crashes(canary: string): (() => void)[] {
  const later = (make: () => unknown) => () =>
    setImmediate(() => {
      throw make()
    })
  const asCode = (error: Error, code: string) => Object.assign(error, { code })
  return [
    later(() => new TypeError(`Cannot read ${canary}`)),
    later(() => Object.assign(new Error(canary), { name: canary, value: canary })),
    later(() => asCode(new Error("refused"), canary)),
    later(() => canary),
    later(() => ({ [canary]: canary })),
    later(() => new PspError("internal", canary, { cause: new Error(canary, { cause: canary }) })),
    later(() => new Error(`one\n    at ${canary} (psp-host.mjs:1:2)\n    at ${canary} (/x/${canary}:1:2)`)),
    later(() => {
      const error = new Error("short")
      error.stack = `Error: ${canary}\n    at ${canary} (/a/b.mjs:1:2)`
      return error
    }),
    () => void Promise.reject(new Error(canary)),
    // Not an error on purpose: whatever is thrown must not be told.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    () => void Promise.reject(canary),
  ]
}
