import { expect, it } from "vitest"
import { auditCsv, auditJson, csvHeading } from "../../shared/audit-lines.js"
import { together } from "../../shared/gap-runs.js"
import type { AccessEvent, EventGap } from "../../shared/vault.js"

const by = { name: "ci-1", fingerprint: "a b c d e f", isBot: true }
const event: AccessEvent = {
  ...{ type: "event", kind: "restored", site: "example.com", account: "default", tool: "psp restore", version: "1" },
  ...{ at: Date.parse("2027-01-15T08:00:00Z"), names: [], more: 0, bot: null, reason: null },
  ...{ by, wasGranted: true, name: "vault/events/x.psp" },
}
const gap: EventGap = { type: "gap", code: "missing", by, at: event.at, count: 1, message: "One is missing" }

const cellsOf = (line: string) => [...line.matchAll(/"((?:[^"]|"")*)"(?:,|$)/g)].map(([, cell]) => cell)

it("a line of CSV has a cell for each heading, whatever stands in it", () => {
  const headings = csvHeading.split(",")
  const names = ['changed cookie "a,b"', "line\nbreak"]
  for (const item of [event, { ...event, names, more: 3 }, gap, { ...gap, by: null, at: null }]) {
    expect(cellsOf(auditCsv(item))).toHaveLength(headings.length)
    expect(auditCsv(item).split("\n")).toHaveLength(1)
  }
})

it.each(["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(1)"])(
  "a name such as %s is no formula in a spreadsheet",
  (name) => {
    const cells = cellsOf(auditCsv({ ...event, account: name, names: [name], by: { ...by, name } }))
    expect(cells.filter((cell) => cell?.startsWith(`'${name}`))).toHaveLength(3)
    expect(cells.some((cell) => cell?.startsWith(name))).toBe(false)
  },
)

it("a line of JSON says all of an event on one line, with nothing that cannot be seen", () => {
  const names = ["line\nbreak", "\u202eback", "zero\u200bwidth"]
  const line = auditJson({ ...event, names })
  expect(line).not.toMatch(/[\n\u202e\u200b]/)
  expect(JSON.parse(line)).toMatchObject({ ...event, names, time: "2027-01-15T08:00:00.000Z" })
})

it("gaps of one kind and writer that follow each other are one, with their count", async () => {
  async function* items() {
    yield* [gap, gap, { ...gap, code: "forked" as const }, event, gap]
  }
  const found: (AccessEvent | EventGap)[] = []
  for await (const item of together(items())) found.push(item)
  expect(found.map((item) => (item.type === "gap" ? [item.code, item.count] : "event"))).toEqual([
    ["missing", 2],
    ["forked", 1],
    "event",
    ["missing", 1],
  ])
})
