import { readFileSync } from "node:fs"
import { expect, it } from "vitest"

it("each package that is installed with ours is listed with a reason, and no other", () => {
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8")) as Record<
    "dependencies" | "optionalDependencies",
    Record<string, string>
  >
  const rows = readFileSync("docs/dependencies.md", "utf8").matchAll(/^\| `([^`]+)`[^|]*\|([^|]+)\|([^|]+)\|$/gm)
  const listed = [...rows].map(([, name = "", use = "", why = ""]) => {
    expect(use.trim().length, name).toBeGreaterThan(5)
    expect(why.trim().length, name).toBeGreaterThan(5)
    return name
  })
  expect(listed.sort()).toEqual(Object.keys({ ...dependencies, ...optionalDependencies }).sort())
})
