import { expect, test } from "@playwright/test"
import { connectBidiAddress } from "../../shared/adapters/bidi/address.js"
import { openBidiContext } from "../../shared/adapters/bidi/context.js"
import type { BidiSession } from "../../shared/adapters/bidi/session.js"
import { captureFrom } from "../../shared/adapters/capture.js"
import { restoreInto } from "../../shared/adapters/restore.js"
import { cookie, describeAdapter, sessionOf, type OpenTarget, type Tab } from "../contracts/adapter-contract.js"
import { rawAdapter } from "../contracts/raw-adapter.js"
import { startSite } from "../site/site.js"
import { startBidiFirefox } from "./bidi-firefox.js"
import { firefoxPath, noFirefox } from "./firefox-browser.js"

test.skip(firefoxPath === undefined, noFirefox)

/** A user context of the browser behind a session, which is lent and goes on. */
interface Lent {
  session: BidiSession
  userContext: string | null
}

let firefox: Awaited<ReturnType<typeof startBidiFirefox>>

test.beforeAll(async () => {
  firefox = await startBidiFirefox()
})
test.afterAll(() => firefox.stop())

function openLent({ session, userContext }: Lent) {
  return openBidiContext({ ...session, close: () => Promise.resolve() }, userContext)
}

const adapter = rawAdapter("bidi", openLent)

async function newTab(session: BidiSession, userContext: string): Promise<Tab> {
  const asked = session.send("browsingContext.create", { type: "tab", userContext })
  const { context } = (await asked) as { context: string }
  return {
    goto: (url) => session.send("browsingContext.navigate", { context, url, wait: "complete" }),
    reload: () => session.send("browsingContext.reload", { context, wait: "complete" }).then(() => undefined),
    async evaluate<T>(text: string) {
      const expression = `(async ({ stringify }) => stringify((await (0, eval)(${JSON.stringify(text)})) ?? null))(JSON)`
      const answer = await session.send("script.evaluate", { expression, target: { context }, awaitPromise: true })
      return JSON.parse((answer as { result: { value: string } }).result.value) as T
    },
  }
}

async function tabsOf(session: BidiSession, userContext: string): Promise<string[]> {
  const { contexts } = (await session.send("browsingContext.getTree", { maxDepth: 0 })) as {
    contexts: { url: string; userContext: string }[]
  }
  return contexts.filter((tab) => tab.userContext === userContext).map(({ url }) => url)
}

async function openContext(session: BidiSession): Promise<OpenTarget<Lent>> {
  const { userContext } = (await session.send("browser.createUserContext")) as { userContext: string }
  return {
    target: { session, userContext },
    newTab: () => newTab(session, userContext),
    tabCount: async () => (await tabsOf(session, userContext)).length,
    close: async () => {
      await session.send("browser.removeUserContext", { userContext })
    },
  }
}

test.describe("one session", () => {
  let session: BidiSession
  test.beforeAll(async () => {
    session = await connectBidiAddress(firefox.address)
  })
  test.afterAll(() => session.close())

  describeAdapter<Lent>("raw bidi in Firefox", {
    adapter,
    open: () => openContext(session),
    differences: {
      refusesNamelessCookies: true,
      refusesForeignCookies: true,
      ignoresAncestors: true,
      isAnsweredByWorkers: true,
      losesSurrogatesOfKeys: true,
    },
    wrongTargets: {},
  })

  test("a partitioned cookie whose top-level site nobody tells is named, and not taken for another", async () => {
    const opened = await openContext(session)
    const partition = { topLevelSite: "https://far.example", hasCrossSiteAncestor: null }
    const cookies = [cookie(), cookie({ name: "far", secure: true, partition })]
    await adapter.restore(opened.target, sessionOf("http://app.fern.test", { cookies }))
    const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["cookies"] })
    expect(again.cookies).toEqual([cookie()])
    expect(again.report.gaps).toMatchObject([
      { kind: "cookies", where: "app.fern.test", what: 'cookie "far"', count: 1 },
    ])
    await opened.close()
  })

  test("a partition below the cookie's own site is told from none", async () => {
    const opened = await openContext(session)
    const partition = { topLevelSite: "https://fern.test", hasCrossSiteAncestor: null }
    const cookies = [cookie({ name: "a", secure: true }), cookie({ name: "b", secure: true, partition })]
    await adapter.restore(opened.target, sessionOf("http://app.fern.test", { cookies }))
    const again = await adapter.capture(opened.target, { site: "fern.test", kinds: ["cookies"] })
    expect(again.cookies).toHaveLength(2)
    expect(again.cookies).toEqual(expect.arrayContaining(cookies))
    await opened.close()
  })

  test("a browser whose only session another tool holds is named", async () => {
    const connecting = connectBidiAddress(firefox.address)
    await expect(connecting).rejects.toMatchObject({ code: "bad-target" })
    await expect(connecting).rejects.toThrow(/another tool holds/)
  })
})

test("a session restored by address stays in its tab when the connection ends, and another one captures it", async () => {
  const site = await startSite({ hostname: "app.fern.test" })
  const open = async () => openBidiContext(await connectBidiAddress(firefox.address.replace("ws://", "")), null)
  const parts = { cookies: [cookie()], local: [["token", "1"]], session: [["tab", "2"]] } as const
  const snapshot = sessionOf(site.origin, structuredClone(parts) as never)
  const first = await open()
  const report = await restoreInto({ context: first, jar: first.jar }, snapshot, { openTabs: "all" })
  expect(report).toMatchObject({ ok: true, set: { cookies: 1, localStorage: 1, sessionStorage: 1 } })
  await first.close()
  const second = await open()
  const again = await captureFrom({ context: second, jar: second.jar }, { site: "fern.test" }, "bidi")
  expect(again.cookies).toEqual(parts.cookies)
  expect(again.origins?.[0]?.localStorage).toEqual(parts.local)
  expect(again.tabs?.[0]?.sessionStorage[0]?.items).toEqual(parts.session)
  expect(again.capturedBy.browser.engine).toBe("firefox")
  await second.close()
  await site.close()
})

test("an address where nobody answers is named without its path", async () => {
  const connecting = connectBidiAddress("ws://127.0.0.1:1/canary")
  await expect(connecting).rejects.toMatchObject({ code: "bad-target" })
  await expect(connecting).rejects.not.toThrow(/canary/)
})
