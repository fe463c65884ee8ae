import { existsSync } from "node:fs"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type * as Adapter from "../../shared/adapters/playwright.js"

/**
 * The Playwright adapter as it is installed. From its sources, tsx wraps every function that goes into a page in a helper
 * that no page has, and to stand in for that costs the page time that nobody pays otherwise.
 */
export async function builtAdapter(): Promise<typeof Adapter> {
  const file = path.join(fileURLToPath(new URL("../..", import.meta.url)), "dist/node/playwright.mjs")
  if (!existsSync(file)) throw new Error("Nothing is built: run npm run build before")
  // What the build makes of the file that the type is of.
  return (await import(pathToFileURL(file).href)) as typeof Adapter
}
