import { expect, it } from "vitest"
import { describeField } from "../../../shared/merge/describe.js"
import { idOf, type Path } from "../../../shared/merge/fields.js"

const host = "app.example.com"
const textOf = (path: Path) => {
  const { what, where } = describeField(idOf(path))
  return `${what} at ${where}`
}

it("no two fields that a browser tells apart look the same", () => {
  const origin = `https://${host}`
  const paths: Path[] = [
    ["cookies", "sid", host, true, "/", null],
    ["cookies", "sid", host, false, "/", null],
    ["cookies", "sid", host, true, "/admin", null],
    ["cookies", "sid", host, true, "/", ["https://top.test", true]],
    ["cookies", "t\u00e9", host, true, "/", null],
    ["cookies", "t\u00fc", host, true, "/", null],
    ["localStorage", origin, null, `${"k".repeat(80)}1`],
    ["localStorage", origin, null, `${"k".repeat(80)}2`],
    ["localStorage", origin, ["https://top.test", true], "k"],
    ["localStorage", origin, null, "a\u202eb"],
    ["localStorage", origin, null, "ab"],
    ["record", origin, null, "one", "tokens", '"a"'],
    ["record", origin, null, "two", "tokens", '"a"'],
  ]
  expect(new Set(paths.map(textOf)).size).toBe(paths.length)
})

it("whatever a bot wrote into a field's name is short and plain", () => {
  const nasty = `x\u202e\n${"y".repeat(5000)}`
  const paths: Path[] = [
    ["cookies", nasty, nasty, false, nasty, [nasty, true]],
    ["localStorage", `https://${nasty}`, [nasty, null], nasty],
    ["group", nasty, nasty],
  ]
  for (const path of paths) {
    const text = textOf(path)
    expect(text.length).toBeLessThan(1000)
    expect(text).not.toMatch(/[\u202e\n]/)
  }
})
