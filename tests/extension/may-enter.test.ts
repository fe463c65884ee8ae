import { expect, it, vi } from "vitest"
import type { Live } from "../../shared/merge.js"
import { idOf, type Path } from "../../shared/merge/fields.js"
import { defaultKinds } from "../../shared/report.js"
import { waitOf, whyNotHere } from "../../extension/may-enter.js"
import { freshSync, type SyncSetting } from "../../extension/sync-settings.js"

vi.mock("wxt/browser", () => ({ browser: {} }))

const origin = "https://app.example.com"
const setting: SyncSetting = {
  ...freshSync,
  site: "example.com",
  account: "default",
  mode: "both",
  scope: { alsoSites: [], kinds: [...defaultKinds], withoutOrigins: ["https://left.example.com"], storeId: "0" },
}
const known = { clock: "1", writer: "own", born: "1", digest: "d" }
const live = (path: Path, value: unknown = "x"): Live => ({
  field: idOf(path),
  clock: "2",
  writer: "bot",
  born: "1",
  value,
  rank: 0,
  expiresAt: null,
})
const token: Path = ["localStorage", origin, null, "token"]

it("page storage waits for a tick, and says that the tick counts for later too", async () => {
  const waits = { why: "page storage waits for you", canTake: true, isLasting: true }
  expect(await waitOf(live(token), known, setting)).toEqual(waits)
  for (const path of [
    ["group", "msal", "app.example.com"],
    ["record", origin, null, "app", "tokens", '"refresh"'],
  ] satisfies Path[]) {
    expect(await waitOf(live(path), known, setting)).toEqual(waits)
  }
})

it("a key that was ticked once enters by itself, unless it is a new one again", async () => {
  const letIn = { ...setting, letIn: [idOf(token)] }
  expect(await waitOf(live(token), known, letIn)).toBe(null)
  expect(await waitOf(live(token), undefined, letIn)).toMatchObject({
    why: "this browser did not have it",
    canTake: true,
  })
  expect(await waitOf(live(["localStorage", origin, null, "other"]), known, letIn)).not.toBe(null)
})

it("no tick brings in what this browser never writes", async () => {
  const never: [Path, string][] = [
    [["sessionStorage", "tab-1", origin, null, "token"], "it belongs to one tab"],
    [["tab", "tab-1"], "it belongs to one tab"],
    [["database", origin, null, "app"], "the schema of a database is the site's to change"],
    [["file", origin, null, "a.txt"], "files are not written here"],
    [["check"], "it is nothing that keeps anybody logged in"],
    [["localStorage", "https://left.example.com", null, "token"], "it is not kept in sync here"],
    [["localStorage", "https://example.org", null, "token"], "it is not kept in sync here"],
    [["localStorage", origin, null, "k".repeat(6000)], "its name is too long"],
  ]
  for (const [path, why] of never) {
    const letIn = { ...setting, letIn: [idOf(path)] }
    expect(await waitOf(live(path), known, letIn)).toEqual({ why, canTake: false, isLasting: false })
  }
})

it("a kind that was not chosen, and a group of an origin that was left out, are not kept in sync here", () => {
  const cookiesOnly = { ...setting, scope: { ...setting.scope, kinds: ["cookies" as const] } }
  expect(whyNotHere(idOf(token), cookiesOnly)).toBe("it is not kept in sync here")
  expect(whyNotHere(idOf(token), setting)).toBe(null)
  expect(whyNotHere(idOf(["group", "msal", "app.example.com"]), setting)).toBe(null)
  expect(whyNotHere(idOf(["group", "msal", "left.example.com"]), setting)).toBe("it is not kept in sync here")
})
