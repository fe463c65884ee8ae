/**
 * stdout belongs to the native port: one stray line on it is read as the length of a frame, and the browser closes the
 * port. Importing this first sends all of `console` to stderr, also for dependencies. stderr is opened at first use.
 */
let onStderr: Console | null = null

for (const name of [
  "assert",
  "count",
  "countReset",
  "debug",
  "dir",
  "dirxml",
  "error",
  "group",
  "groupCollapsed",
] as const)
  redirect(name)
for (const name of ["groupEnd", "info", "log", "table", "time", "timeEnd", "timeLog", "trace", "warn"] as const)
  redirect(name)

function redirect(name: keyof Console): void {
  Object.defineProperty(console, name, {
    configurable: true,
    writable: true,
    value: (...values: unknown[]) => {
      onStderr ??= new console.Console(process.stderr, process.stderr)
      const method = onStderr[name] as (...values: unknown[]) => void
      method.apply(onStderr, values)
    },
  })
}
