import "fake-indexeddb/auto"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { withHost } from "../../extension/host.js"
import { ownCard, trustComputer, trustOf } from "../../extension/trust.js"
import { createConversation } from "../../native-host/conversation.js"
import { createHandlers } from "../../native-host/handlers.js"
import { createCard, createIdentity, parseCard, type Identity } from "../../shared/keys.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { openVault, type EventSays } from "../../shared/vault.js"
import { temporaryFolder } from "../native-host/bundle.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { createFakeLocks } from "./fake-locks.js"
import { createFakePort, type FakePort } from "./fake-port.js"

/** In every value, site, account and name of a field; as itself, in base64 whatever stands before it, and in hex. */
const mark = "c4n4rys3cret"
const traces = [
  mark,
  ...["", "x", "xx"].map((before) =>
    Buffer.from(before + mark)
      .toString("base64")
      .slice(4, -4),
  ),
  Buffer.from(mark).toString("hex"),
]
const account = `${mark} account`
const [sites, savesOfEach] = [50, 10]

let home: string
/** All that the extension said to any host, as it went over the port. */
let said = ""
const host = vi.hoisted((): { port: () => FakePort } => ({ port: () => ({}) as FakePort }))

vi.mock("wxt/browser", () => ({
  browser: {
    runtime: {
      connectNative: () => host.port(),
      lastError: undefined,
      getManifest: () => ({ version: "0.1.0" }),
      getPlatformInfo: async () => ({ os: "linux" }),
    },
  },
}))

beforeAll(async () => {
  vi.stubGlobal("navigator", { userAgent: "Mozilla/5.0 Chrome/156.0.0.0", locks: createFakeLocks() })
  home = await temporaryFolder()
})
afterAll(() => rm(home, { recursive: true, force: true }))

it("a host that was swapped after Trust records 500 saves, learns nothing of them, and is not trusted with its own card", async () => {
  const [computer, impostor] = [await createIdentity("desk"), await createIdentity("desk")]
  const store = createMemoryProvider()
  host.port = () => {
    const port = createFakePort((message) => {
      said += `${JSON.stringify(message)}\n`
      conversation.receive(message)
    })
    const handlers = createHandlers(home, { PSP_STORE: "memory:" }, async () => store)
    const conversation = createConversation(handlers, (frame) => port.say(JSON.parse(JSON.stringify(frame))))
    return port
  }
  const wordsOf = async (identity: Identity) => (await parseCard(await createCard(identity))).fingerprint
  const show = async (identity: Identity) => writeFile(join(home, "card"), `${await createCard(identity)}\n`)
  await show(computer)
  const seen = await wordsOf(computer)
  await withHost((vault, connection) => trustComputer(vault, connection, seen))

  await show(impostor)
  for (let round = 0; round < savesOfEach; round++) {
    for (let first = 0; first < sites; first += 10) {
      await withHost(async (vault) => {
        const events: EventSays[] = []
        for (let at = first; at < first + 10; at++) {
          const site = `${mark}${at}.example`
          await vault.save(exampleSnapshot(site, account, `${mark}-${at}-${round}`))
          events.push({ kind: "saved", site, account, tool: "extension", names: [mark] })
        }
        await vault.record(events)
      })
    }
  }
  expect(traces.filter((trace) => said.includes(trace))).toEqual([])

  // It does as if it were the same computer, and has all objects: it opens none, whosever card it shows.
  const seenByIt = await withHost((_vault, connection) => trustOf(connection))
  expect(seenByIt).toMatchObject({ state: "changed", before: seen })
  for (const words of [seen, await wordsOf(impostor)]) {
    const asking = withHost((vault, connection) => trustComputer(vault, connection, words))
    await expect(asking).rejects.toMatchObject({ code: "card-changed" })
  }
  const owner = (await ownCard()).text
  const theirs = await openVault(store, { identity: impostor, owner })
  await theirs.refresh()
  expect(theirs.isOwner).toBe(false)
  expect(theirs.known()).toEqual([])

  // The trusted computer does open them: they were there.
  const ours = await openVault(store, { identity: computer, owner })
  await ours.refresh()
  expect(ours.known()).toHaveLength(sites)
  const newest = await ours.load(`${mark}49.example`, { account })
  expect(JSON.stringify(newest)).toContain(`${mark}-49-9`)
  expect(said.match(/"type":"put"/g)?.length).toBeGreaterThan(sites * savesOfEach)
  for await (const { name } of store.list("")) expect(name).not.toMatch(traces.join("|"))
}, 120_000)
