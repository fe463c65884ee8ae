import { Console } from "node:console"

/**
 * stdout belongs to the native port: one stray line on it is read as the length of a frame, and the browser closes the
 * port. Importing this first sends all of `console` to stderr, also for dependencies; a Console's methods are its own
 * properties, bound to it.
 */
Object.assign(console, new Console(process.stderr, process.stderr))
