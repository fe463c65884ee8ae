import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

/*
 * Builds what goes to the stores three times, each in an empty folder of its own from the committed and staged files, and compares every
 * byte. Takes minutes: `npm run zip:check`, before a release.
 */
const files = execFileSync("git", ["ls-files", "-z"]).toString().split("\0")
const builds = [1, 2, 3].map(() => build())
process.stdout.write(`${builds.map(({ digests }) => digests.join("\n")).join("\n\n")}\n`)
const isSame = builds.every(({ digests }) => digests.length > 0 && digests.join() === builds[0]?.digests.join())
for (const { folder } of builds) if (isSame) rmSync(folder, { recursive: true })
const told = isSame
  ? "All three are the same, byte by byte."
  : `They differ: ${builds.map(({ folder }) => folder).join(" ")}`
process.stdout.write(`${told}\n`)
process.exitCode = isSame ? 0 : 1

function build(): { folder: string; digests: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "psp-zip-"))
  for (const file of files) if (file !== "" && existsSync(file)) cpSync(file, join(folder, file), { recursive: true })
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"))
  execFileSync("npm", ["run", "--silent", "zip"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] })
  const zips = readdirSync(join(folder, "dist")).filter((name) => name.endsWith(".zip"))
  const digestOf = (name: string) =>
    createHash("sha256")
      .update(readFileSync(join(folder, "dist", name)))
      .digest("hex")
  return { folder, digests: zips.sort().map((name) => `${digestOf(name)}  ${name}`) }
}
