import { beforeEach, expect, it, vi } from "vitest"
import { fakeBrowser } from "wxt/testing"
import { PspError } from "../../shared/errors.js"
import type { Prepared } from "../../shared/vault.js"
import type { Gap } from "../../shared/report.js"
import type { WaitingSave } from "../../extension/db.js"
import { LostSavesError, UnsentSavesError } from "../../extension/outbox.js"
import {
  beginSave,
  continueSave,
  refuseSave,
  resumeSave,
  stateAfterSend,
  type SaveSteps,
} from "../../extension/save.js"
import { readSaveState, writeSaveState, type SaveIntent, type SaveState } from "../../extension/save-state.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"

vi.mock("wxt/browser", async () => ({ browser: (await import("wxt/testing")).fakeBrowser }))

beforeEach(() => {
  fakeBrowser.reset()
})

const intent: SaveIntent = {
  id: "click-1",
  tabId: 1,
  site: "example.com",
  account: "default",
  kinds: ["cookies"],
  withoutOrigins: [],
  alsoSites: [],
  openFirst: [],
}
const gap: Gap = { kind: "indexedDB", where: "https://example.com", what: "1 database", why: "why", fix: "", count: 1 }

const prepared: Prepared = {
  objects: [1, 2].map((object) => ({ name: `object-${object}`, bytes: new Uint8Array(2048) })),
  superseded: [],
  sid: null,
  mark: null,
  members: null,
}

/** Steps that note themselves, and a clock that a test moves. */
function createSteps(over: Partial<SaveSteps> = {}) {
  const done: string[] = []
  const phases: (string | undefined)[] = []
  const note = async (step: string) => {
    done.push(step)
    phases.push((await readSaveState())?.phase)
  }
  let now = 1_000_000
  const steps: SaveSteps = {
    may: async () => true,
    capture: async () => {
      await note("capture")
      now += 20
      const snapshot = exampleSnapshot()
      return { ...snapshot, report: { ...snapshot.report, gaps: [gap] } }
    },
    withOwners: (work) => work(),
    seal: async () => {
      await note("seal")
      now += 30
      return prepared
    },
    keep: async () => {
      await note("keep")
      now += 5
    },
    isSealed: async () => false,
    send: async () => {
      await note("send")
      now += 40
    },
    now: () => now,
    ...over,
  }
  return { steps, done, phases, pass: (ms: number) => (now += ms) }
}

it("a click is captured, sealed and sent, and each stage is written down before it begins", async () => {
  const { steps, done, phases } = createSteps()
  await beginSave(intent, steps)
  expect(done).toEqual(["capture", "seal", "keep", "send"])
  expect(phases).toEqual(["capture", "seal", "seal", "transport"])
  expect(await readSaveState()).toMatchObject({
    phase: "saved",
    intent,
    timings: { permission: 0, capture: 20, seal: 30, outbox: 5, transport: 40 },
    sealed: { gaps: [gap], objects: 2, bytes: 4096 },
  })
})

it("a click without the permission waits for it, and goes on once when the browser tells twice that it is there", async () => {
  let may = false
  const { steps, done, pass } = createSteps({ may: async () => may })
  await beginSave(intent, steps)
  expect(done).toEqual([])
  expect((await readSaveState())?.phase).toBe("permission")
  may = true
  pass(1500)
  await Promise.all([continueSave(steps), continueSave(steps)])
  await continueSave(steps)
  expect(done).toEqual(["capture", "seal", "keep", "send"])
  expect(await readSaveState()).toMatchObject({ phase: "saved", timings: { permission: 1500 } })
})

it("a refused permission ends the save with what to do, and nothing is read", async () => {
  const { steps, done } = createSteps({ may: async () => false })
  await beginSave(intent, steps)
  await refuseSave()
  expect(done).toEqual([])
  expect(await readSaveState()).toMatchObject({ phase: "failed", code: "permission-refused" })
  const state = await readSaveState()
  expect(state?.phase === "failed" && state.message).toMatch(/click Save session again and allow it$/)
})

it("a permission given long after the click, for something else, saves nothing", async () => {
  let may = false
  const { steps, done, pass } = createSteps({ may: async () => may })
  await beginSave(intent, steps)
  may = true
  pass(11 * 60 * 1000)
  await continueSave(steps)
  expect(done).toEqual([])
})

it("a second click while a save runs is busy, and leaves the first alone", async () => {
  const { steps, done } = createSteps()
  const first = beginSave(intent, steps)
  await expect(beginSave({ ...intent, id: "click-2" }, steps)).rejects.toMatchObject({ code: "busy" })
  await first
  expect(done).toEqual(["capture", "seal", "keep", "send"])
  expect(await readSaveState()).toMatchObject({ phase: "saved", intent: { id: "click-1" } })
  await beginSave({ ...intent, id: "click-3" }, steps)
  expect(await readSaveState()).toMatchObject({ phase: "saved", intent: { id: "click-3" } })
})

it("what the capture refuses is told with its code, and anything unexpected without its text", async () => {
  const why = "Cannot save session of example.com: the tab was closed"
  const expected = createSteps({ capture: () => Promise.reject(new PspError("nothing-to-capture", why)) })
  await beginSave(intent, expected.steps)
  expect(await readSaveState()).toMatchObject({ phase: "failed", code: "nothing-to-capture", message: why })
  const odd = createSteps({ capture: () => Promise.reject(new Error("value of the cookie: secret")) })
  await beginSave(intent, odd.steps)
  expect(await readSaveState()).toMatchObject({ phase: "failed", code: "internal" })
  expect(JSON.stringify(await readSaveState())).not.toContain("secret")
})

it("a host that is away leaves the save waiting, with its gaps and what to do", async () => {
  const away = new PspError("host-missing", "Cannot reach this computer: run: psp install")
  const { steps } = createSteps({ send: () => Promise.reject(away), isSealed: async () => true })
  await beginSave(intent, steps)
  expect(await readSaveState()).toMatchObject({
    phase: "waiting",
    code: "host-missing",
    message: away.message,
    sealed: { gaps: [gap], bytes: 4096 },
  })
})

it.each([
  ["its own, is told as failed", [intent.id], "failed"],
  ["another one's, is told as saved", ["another click"], "saved"],
])("a save after which the browser tells of a loss, %s", async (_title, intents, phase) => {
  const saves = intents.map((intentId) => ({ intentId, site: "example.com" }) as WaitingSave)
  const { steps } = createSteps({ send: () => Promise.reject(new LostSavesError(saves)) })
  await beginSave(intent, steps)
  expect(await readSaveState()).toMatchObject({ phase })
})

const common = { intent, since: 1_000_000, timings: {} }
const sealed = { gaps: [gap], objects: 2, bytes: 4096 }
const stopped: { title: string; state: SaveState; isSealed: boolean; does: string[] }[] = [
  {
    title: "the capture captures anew",
    state: { phase: "capture", ...common },
    isSealed: false,
    does: ["capture", "seal", "keep", "send"],
  },
  {
    title: "the seal captures anew",
    state: { phase: "seal", ...common, gaps: [gap] },
    isSealed: false,
    does: ["capture", "seal", "keep", "send"],
  },
  {
    title: "the note of the seal sends what is sealed",
    state: { phase: "seal", ...common, gaps: [gap] },
    isSealed: true,
    does: ["send"],
  },
  {
    title: "the transport sends what is sealed",
    state: { phase: "transport", ...common, sealed },
    isSealed: true,
    does: ["send"],
  },
]
for (const { title, state, isSealed, does } of stopped) {
  it(`a background that was stopped during ${title}, and ends as saved`, async () => {
    const { steps, done } = createSteps({ isSealed: async () => isSealed })
    await writeSaveState(state)
    await Promise.all([resumeSave(steps), resumeSave(steps)])
    expect(done).toEqual(does)
    const ended = await readSaveState()
    expect(ended?.phase).toBe("saved")
    // What could not be captured is told all the same.
    expect(ended).toMatchObject({ sealed: { gaps: [gap] } })
  })
}

it("nothing is resumed where nothing was under way", async () => {
  const { steps, done } = createSteps()
  await resumeSave(steps)
  await writeSaveState({ phase: "saved", ...common, sealed, savedAt: 1 })
  await resumeSave(steps)
  await continueSave(steps)
  await refuseSave()
  expect(done).toEqual([])
  expect((await readSaveState())?.phase).toBe("saved")
})

it("a save that waits for a fault of its own tells that one, and one that went out beside it is saved", () => {
  const own = new PspError("too-large", "Mine")
  const fault = new UnsentSavesError(new PspError("corrupt", "Another's"), new Map([[intent.id, own]]))
  const sent = {
    phase: "waiting",
    intent,
    since: 1,
    timings: {},
    sealed: { gaps: [] as Gap[], objects: 1, bytes: 1 },
  } as const
  expect(stateAfterSend(sent, { fault }, true)).toMatchObject({ phase: "waiting", code: "too-large", message: "Mine" })
  expect(stateAfterSend(sent, { fault }, false)).toMatchObject({ phase: "saved" })
})
