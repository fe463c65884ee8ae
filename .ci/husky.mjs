// Installs the git hooks for whoever works on the project; silent where there is no git checkout or no husky (a package
// installed from a tarball, a container without git).
import { existsSync } from "node:fs"

if (existsSync(".git") && process.env.CI === undefined) {
  try {
    const { default: husky } = await import("husky")
    const problem = husky()
    if (problem) process.stderr.write(`git hooks not installed: ${problem}\n`)
  } catch {
    // husky is a development dependency: not there when only production ones were installed.
  }
}
