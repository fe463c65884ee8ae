import { expect, it } from "vitest"
import { runPsp } from "./psp.js"

async function psp(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return runPsp(args, { PSP_HOME: "/nowhere/at/all" })
}

const browser = ["--cdp", "http://127.0.0.1:1"]
const firefox = ["--bidi", "ws://127.0.0.1:1"]
const playwright = ["--format", "playwright"]

it.each([
  [["restore", "a.example", ...browser, ...playwright], "--cdp and --format exclude each other"],
  [["restore", "a.example", ...firefox, ...playwright], "--bidi and --format exclude each other"],
  [["restore", "a.example", ...browser, ...firefox], "--cdp and --bidi exclude each other"],
  [["restore", "a.example", ...playwright, "--keep"], "--keep goes with --cdp or --bidi"],
  [["restore", "a.example", ...playwright, "--check"], "--check goes with --cdp or --bidi"],
  [["restore", "a.example", ...browser, "--out", "x"], "--out goes with --format"],
  [["restore", "a.example", ...firefox, "--out", "x"], "--out goes with --format"],
  [["restore", "a.example", ...browser, "--url", "https://a.example"], "--url goes with --format curl"],
  [["restore", "a.example", ...playwright, "--url", "https://a.example"], "--url goes with --format curl"],
  [["restore", "a.example", ...browser, "--target-version", "1.50"], "--target-version goes with --format playwright"],
  [
    ["restore", "a.example", "--format", "har", "--target-version", "1.50"],
    "--target-version goes with --format playwright",
  ],
  [["restore", "a.example", ...playwright, "--wait", "--steal"], "--wait and --steal exclude each other"],
  [["run", "a.example", "--wait=3", "--steal", "--", "x"], "--wait and --steal exclude each other"],
  [["capture", "a.example", "--from", "x", ...browser], "--cdp and --from exclude each other"],
  [["capture", "a.example", "--from", "x", ...firefox], "--bidi and --from exclude each other"],
  [["capture", "a.example", ...browser, ...firefox], "--cdp and --bidi exclude each other"],
  [["capture", "a.example", ...browser, ...playwright], "--format goes with --from"],
  [["recovery", "create", "--words", "--out", "x"], "--words and --out exclude each other"],
  [["push", "--all", "--to", "file:///x", "--account", "work"], "--account and --all exclude each other"],
  [["pull", "--all", "--from", "file:///x", "--account", "work"], "--account and --all exclude each other"],
])("psp %j is refused before anything is read", async (args, why) => {
  const { code, out, err } = await psp(...args)
  expect([code, out, err]).toEqual([
    2,
    "",
    `psp: Cannot ${args[0] === "recovery" ? "recovery create" : args[0]}: ${why}\n`,
  ])
})

it.each(["capture x --from y", "export x --to y --out z", "grant x y", "push x --to y", "remove x", "list", "verify"])(
  "psp %s has no earlier state to look at",
  async (line) => {
    const args = line.split(" ")
    const { code, err } = await psp(...args, "--at", "2027-01-31")
    expect([code, err]).toEqual([2, `psp: Cannot ${args[0] ?? ""}: --at means nothing there\n`])
  },
)

it.each(["list", "verify", "grants", "config get"])("psp %s is of no single account", async (line) => {
  const { code, err } = await psp(...line.split(" "), "--account", "work")
  expect([code, err]).toEqual([2, `psp: Cannot ${line}: --account means nothing there\n`])
})
