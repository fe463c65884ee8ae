import { beforeEach, describe, expect, it } from "vitest"
import { open } from "../../../shared/envelope.js"
import type { Provider } from "../../../shared/provider.js"
import { createCard, parseCard } from "../../../shared/keys.js"
import { createMemoryProvider } from "../../../shared/providers/memory.js"
import { createRecovery } from "../../../shared/recovery.js"
import { openVault, type LetIn, type OwnerRemoval, type Vault, type VaultMemory } from "../../../shared/vault.js"
import { ownWordOnly } from "../../../shared/vault/recovery.js"
import { exampleSnapshot } from "../example-snapshot.js"
import { bytesOf, createDevice, createMemory, day, minute, namesIn, overwrite, start, tokenOf } from "./devices.js"

type Device = Awaited<ReturnType<typeof createDevice>>

const saveOf = (token: string, site = "example.com") => exampleSnapshot(site, "default", token)

let provider: Provider
let now: number
let devices: Record<"a" | "b" | "c", Device>
let memories: Record<"a" | "b" | "c", VaultMemory>
let a: Vault
let b: Vault
let c: Vault

beforeEach(async () => {
  now = start
  provider = createMemoryProvider()
  devices = { a: await createDevice("a"), b: await createDevice("b"), c: await createDevice("c") }
  memories = { a: createMemory(), b: createMemory(), c: createMemory() }
  a = await openVault(provider, { identity: devices.a, memory: memories.a, now: () => now })
  await a.addOwner(devices.b.card)
  await a.addOwner(devices.c.card)
  ;[b, c] = [await openAs("b"), await openAs("c")]
  await c.save(saveOf("one"))
  now += minute
  await b.save(saveOf("other", "other.example"))
  now += minute
})

async function openAs(name: "a" | "b" | "c", store = provider): Promise<Vault> {
  const options = { identity: devices[name], owner: devices.a.card, memory: memories[name], now: () => now }
  const vault = await openVault(store, options)
  await vault.refresh()
  return vault
}

/** Names of all objects that a device can open, whoever wrote them and whatever their end. */
async function openable({ card, ...identity }: Device, prefix = ""): Promise<string[]> {
  expect(card).toMatch(/^psp1/)
  const keys = new Map([a, b, c].map(({ card: { writerId, writer } }) => [writerId, writer]))
  const found: string[] = []
  for (const name of await namesIn(provider, prefix)) {
    const opened = await open(await bytesOf(provider, name), {
      reader: identity,
      writerKey: ({ writer }) => keys.get(writer) ?? null,
      now: start,
    }).catch(() => null)
    // What it told others itself it knows anyway.
    if (opened !== null && opened.header.writer !== (await parseCard(card)).writerId) found.push(name)
  }
  return found
}

const ownersOf = (vault: Vault) =>
  vault
    .owners()
    .map(({ name }) => name)
    .sort()

describe("an owner device that was removed", () => {
  it("opens nothing that is in the store, and nothing that comes", async () => {
    expect((await openable(devices.c)).length).toBeGreaterThan(3)
    const removal = await a.removeOwner("c")
    expect(removal).toMatchObject({ sealed: 2, left: [] })
    await b.refresh()
    await b.save(saveOf("later"))
    // But for the word that it was removed, which names no session.
    const left = await openable(devices.c)
    expect(left).toEqual([expect.stringContaining(`/members/${c.card.recipientId}/`)])
    await expect((await openAs("c")).load("example.com")).rejects.toMatchObject({ code: "not-owner" })
    expect(c.isOwner).toBe(true)
    await c.refresh()
    expect(c.isOwner).toBe(false)
    await expect(c.save(saveOf("mine"))).rejects.toMatchObject({ code: "not-owner" })
  })

  it("leaves behind what it saved while it was one, for the others, and a store without defects", async () => {
    await a.removeOwner(devices.c.card)
    await b.refresh()
    for (const vault of [
      a,
      b,
      await openVault(provider, { identity: devices.b, owner: devices.a.card, now: () => now }),
    ]) {
      expect(tokenOf(await vault.load("example.com"))).toBe("one")
      expect(tokenOf(await vault.load("other.example"))).toBe("other")
      expect(ownersOf(vault)).toEqual(["a", "b"])
      expect(await vault.verify()).toMatchObject({ defects: [], unneeded: 0, unlisted: 0 })
    }
    expect((await namesIn(provider, `${a.id}/sessions/`)).filter((name) => name.includes(c.card.writerId))).toEqual([])
  })

  it("still counts, with what it saved until then, while its removal has only been told", async () => {
    await expect(a.removeOwner("c", { signal: stopAfter(2) })).rejects.toMatchObject({ code: "aborted" })
    await b.refresh()
    expect(ownersOf(b)).toEqual(["a", "b"])
    expect(tokenOf(await b.load("example.com"))).toBe("one")
    expect((await b.verify()).defects).toEqual([])
  })

  it("changes nothing by what it writes later, whatever time it stamps that with", async () => {
    const before = now
    await a.removeOwner("c")
    await b.refresh()
    now = before
    // Its clock stands where it was, and nobody told it.
    const thief = await openVault(await withoutFolder(c.card.recipientId), {
      identity: devices.c,
      owner: devices.a.card,
      memory: memories.c,
      now: () => now,
    })
    const planted = await createDevice("planted")
    await thief.save(saveOf("stolen"))
    await thief.addOwner(planted.card)
    await thief.removeOwner("b")
    await thief.save(saveOf("new", "new.example"))
    now += 10 * minute
    for (const vault of [a, b, await openAs("b")]) {
      expect(tokenOf(await vault.load("example.com"))).toBe("one")
      expect(await vault.load("new.example")).toBeNull()
      expect(ownersOf(vault)).toEqual(["a", "b"])
    }
    const { defects } = await b.verify()
    expect(defects.map(({ code }) => code)).toContain("unknown-writer")
  })

  it("is still the one from whom others who were away learn of its successor, and of its removal", async () => {
    const [next, bot] = [await createDevice("next"), await createDevice("bot")]
    await a.grant(bot.card, { site: "example.com" })
    const memory = createMemory()
    const atBot = () => openVault(provider, { identity: bot, owner: a.card.text, memory, now: () => now })
    await (await atBot()).load("example.com")
    now += minute
    // As psp rotate-key does it: the new keys go on with what the old ones remember.
    await a.addOwner(next.card)
    const successor = await openVault(provider, { identity: next, memory: memories.a, now: () => now })
    await successor.removeOwner(a.card.text)
    await successor.save(saveOf("two"))
    for (const vault of [b, await openAs("c"), await atBot()]) {
      expect(tokenOf(await vault.load("example.com"))).toBe("two")
      expect(ownersOf(vault)).toEqual(["b", "c", "next"])
    }
    expect((await b.verify()).defects).toEqual([])
    await b.compact()
    expect((await b.verify()).defects).toEqual([])
  })

  it("cannot come back: its keys are refused for ever", async () => {
    await a.removeOwner("c")
    await b.refresh()
    await expect(b.addOwner(devices.c.card)).rejects.toMatchObject({ code: "usage" })
  })

  it("may be the first one, from which all others were added", async () => {
    await b.removeOwner("a")
    await c.refresh()
    expect(ownersOf(c)).toEqual(["b", "c"])
    expect(tokenOf(await c.load("example.com"))).toBe("one")
    await a.refresh()
    expect(a.isOwner).toBe(false)
    for (const vault of [b, c]) await vault.save(saveOf("later"))
    expect(await openable(devices.a)).toEqual([expect.stringContaining(`/members/${a.card.recipientId}/`)])
  })
})

/** The store of now without what it says to one device; what is written goes to the real one. */
async function withoutFolder(recipientId: string): Promise<Provider> {
  const hidden = `/members/${recipientId}/`
  return {
    ...provider,
    async *list(prefix, call) {
      for await (const item of provider.list(prefix, call)) if (!item.name.includes(hidden)) yield item
    },
  }
}

/** Aborts after so many requests that write. */
function stopAfter(puts: number): AbortSignal {
  const controller = new AbortController()
  const put = provider.put.bind(provider)
  let left = puts
  provider.put = async (...args) => {
    await put(...args)
    if (--left === 0) controller.abort()
  }
  return controller.signal
}

describe("removing an owner device", () => {
  it("goes on where it broke off, whichever request was the last one", async () => {
    const initial = await everything(provider)
    const memory = await memories.a.read()
    let requests = 0
    for (let most = 0; ; most++) {
      provider = createMemoryProvider()
      for (const [name, bytes] of initial) await provider.put(name, bytes)
      const away = failingAfter(provider, most)
      memories.a = createMemory()
      await memories.a.write(memory ?? "")
      const first = await openVault(away, { identity: devices.a, memory: memories.a, now: () => now })
      const whole = await first.removeOwner("c").catch(() => null)
      const second = await openVault(provider, { identity: devices.a, memory: memories.a, now: () => now })
      if (whole === null) await second.removeOwner("c")
      expect(await openable(devices.c, `${a.id}/sessions/`)).toEqual([])
      expect((await namesIn(provider, `${a.id}/sessions/`)).filter((name) => name.includes(c.card.writerId))).toEqual(
        [],
      )
      expect(tokenOf(await second.load("example.com"))).toBe("one")
      expect(tokenOf(await second.load("other.example"))).toBe("other")
      expect((await second.verify()).defects).toEqual([])
      requests = most
      if (whole !== null) break
    }
    expect(requests).toBeGreaterThan(10)
  }, 60_000)

  it("seals anew what somebody wrote meanwhile who had not heard of it, when it is run again", async () => {
    const late = await openAs("b")
    await a.removeOwner("c")
    now += minute
    await late.prepare(saveOf("late")).then((prepared) => late.commit(prepared))
    expect(await openable(devices.c, `${a.id}/sessions/`)).toHaveLength(1)
    await a.removeOwner("c")
    expect(await openable(devices.c, `${a.id}/sessions/`)).toEqual([])
    expect(tokenOf(await b.load("example.com"))).toBe("late")
  })

  it("keeps a newer save that another device makes meanwhile", async () => {
    const remove = provider.remove.bind(provider)
    let isSaved = false
    provider.remove = async (name, call) => {
      if (!isSaved) {
        isSaved = true
        await b.save(saveOf("meanwhile"))
      }
      return remove(name, call)
    }
    await a.removeOwner("c")
    expect(isSaved).toBe(true)
    expect(tokenOf(await a.load("example.com"))).toBe("meanwhile")
  })

  it("refuses the device itself, the last one, a stranger, and a name of two", async () => {
    await expect(a.removeOwner("a")).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("itself") as string,
    })
    await expect(a.removeOwner("nobody")).rejects.toMatchObject({ code: "not-found" })
    const twin = await createDevice("b")
    await a.addOwner(twin.card)
    await expect(a.removeOwner("b")).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/words: "/) as string,
    })
    await a.removeOwner(b.card.fingerprint.replaceAll(" ", "-"))
    for (const name of ["b", "c"]) await a.removeOwner(name)
    await expect(a.removeOwner("a")).rejects.toMatchObject({ message: expect.stringContaining("only owner") as string })
    const bot = await createDevice("bot")
    const other = await openVault(provider, { identity: bot, owner: devices.a.card, now: () => now })
    await expect(other.removeOwner("a")).rejects.toMatchObject({ code: "not-owner" })
  })

  it("leaves what cannot be opened any more, says which, and finishes all the same", async () => {
    const name = (await namesIn(provider, `${a.id}/sessions/`)).find((one) => one.includes(b.card.writerId)) ?? ""
    const bytes = await bytesOf(provider, name)
    await overwrite(provider, name, bytes.slice(0, -9))
    const { left, sealed } = await a.removeOwner("c")
    expect(left).toEqual([{ site: "other.example", account: "default", code: "damaged" }])
    expect(sealed).toBe(1)
  })

  it("leaves all of a session whose newest save is damaged, and what the device saved of it counts until then", async () => {
    now += 10 * minute
    const good = now - minute
    await c.save(saveOf("newest"))
    const newest =
      (await namesIn(provider, `${a.id}/sessions/`)).filter((one) => one.includes(c.card.writerId)).at(-1) ?? ""
    await overwrite(provider, newest, (await bytesOf(provider, newest)).slice(0, -9))
    const before = (await namesIn(provider, `${a.id}/sessions/`)).filter((one) => one.includes(c.card.writerId))
    const removal = await a.removeOwner("c")
    expect(removal).toMatchObject({ isClosed: false, left: [{ site: "example.com", code: "damaged" }] })
    expect(await namesIn(provider, `${a.id}/sessions/`)).toEqual(expect.arrayContaining(before))
    const older = await a.loadSession("example.com", { at: good })
    expect(tokenOf(older?.snapshot ?? null)).toBe("one")
    await provider.remove(newest)
    const again = await openVault(provider, { identity: devices.b, owner: devices.a.card, now: () => now })
    expect(await again.removeOwner("c")).toMatchObject({ isClosed: true, left: [] })
    expect(tokenOf(await again.load("example.com"))).toBe("one")
  })

  it("leaves what only another owner can open, and what it has not heard of, until that one removes the device too", async () => {
    const waiting = await c.prepare(saveOf("late", "late.example"))
    const d = await createDevice("d")
    await a.addOwner(d.card)
    await c.commit(waiting)
    await a.refresh()
    now += minute
    const options = { identity: d, owner: devices.a.card, memory: createMemory(), now: () => now }
    const atD = await openVault(provider, options)
    expect(await atD.removeOwner("c")).toMatchObject({ isClosed: false, left: [] })
    await a.announce()
    const left = [{ site: "late.example", code: "not-for-me" }]
    expect(await atD.removeOwner("c")).toMatchObject({ isClosed: false, left })
    expect(tokenOf(await a.load("late.example"))).toBe("late")
    expect(await a.removeOwner("c")).toMatchObject({ isClosed: true, left: [] })
    await atD.refresh()
    expect(tokenOf(await atD.load("late.example"))).toBe("late")
    expect(await openable(devices.c, `${a.id}/sessions/`)).toEqual([])
  })

  it("leaves grants as they are: bots go on, with copies that the removed device wrote, too", async () => {
    const bot = await createDevice("bot")
    const [reading, writing] = [await createDevice("reading"), bot]
    await a.grant(reading.card, { site: "other.example" })
    await c.refresh()
    await c.grant(writing.card, { site: "example.com", saveBack: true })
    const memory = createMemory()
    const atBot = () => openVault(provider, { identity: bot, owner: c.card.text, memory, now: () => now })
    const first = await atBot()
    const session = await first.loadSession("example.com")
    now += minute
    if (session === null) throw new Error("The bot does not see the session")
    const { prepared } = await first.prepareChanges(saveOf("rotated"), session.since())
    if (prepared !== null) await first.commit(prepared)
    const saved = prepared?.objects[0]?.name ?? ""
    expect(await namesIn(provider)).toContain(saved)
    await a.refresh()
    now += minute
    expect(await a.removeOwner("c")).toMatchObject({ left: [], waiting: [] })
    // The bot sealed it to the removed device as well; it is in what was sealed anew.
    expect(await namesIn(provider)).not.toContain(saved)
    const second = await atBot()
    expect(tokenOf(await second.load("example.com"))).toBe("rotated")
    expect(ownersOf(second)).toEqual(["a", "b"])
    const other = await openVault(provider, { identity: reading, owner: devices.a.card, now: () => now })
    expect(tokenOf(await other.load("other.example"))).toBe("other")
    await b.refresh()
    expect((await b.grants()).map(({ card }) => card.name).sort()).toEqual(["bot", "reading"])
    expect(tokenOf(await b.load("example.com"))).toBe("rotated")
    await b.revoke(bot.card)
    await expect((await atBot()).load("example.com")).rejects.toMatchObject({ code: "not-granted" })
  })
})

describe("what a removed device had let in", () => {
  const letIn = ({ devices, grants, untold }: LetIn) => [
    devices.map(({ name }) => name).sort(),
    grants.map(({ card, site }) => `${card.name} ${site}`).sort(),
    untold,
  ]

  it("is told: owners of now, whom these let in, its recovery identity, and its grants that have not ended", async () => {
    const [phone, tablet, mine] = [
      await createDevice("phone"),
      await createDevice("tablet"),
      await createDevice("mine"),
    ]
    const [bot, own, gone] = [await createDevice("bot"), await createDevice("own"), await createDevice("gone")]
    await c.addOwner(phone.card)
    await c.addRecovery(createRecovery().identity)
    const atPhone = await openVault(provider, { identity: phone, owner: c.card.text, now: () => now })
    await atPhone.addOwner(tablet.card)
    await a.refresh()
    await a.addOwner(mine.card)
    await c.refresh()
    await c.grant(bot.card, { site: "example.com" })
    await c.grant(own.card, { site: "example.com" })
    await c.grant(gone.card, { site: "example.com", expiresAt: now + minute })
    await a.refresh()
    now += minute
    await a.grant(own.card, { site: "other.example" })
    await a.grant(own.card, { site: "example.com", kinds: ["cookies"] })
    const expected = [["phone", "recovery", "tablet"], ["bot example.com"], 0]
    expect(letIn((await a.removeOwner("c")).letIn)).toEqual(expected)
    await a.removeOwner("tablet")
    await b.refresh()
    expect(letIn((await b.removeOwner("c")).letIn)).toEqual([["phone", "recovery"], ["bot example.com"], 0])
  })

  it("is not this device, nor whom this one let in", async () => {
    const phone = await createDevice("phone")
    await b.addOwner(phone.card)
    expect(letIn((await b.removeOwner("a")).letIn)).toEqual([["c"], [], 0])
  })

  it("is also what it had let in under the keys that it replaced itself", async () => {
    const [phone, bot, next] = [await createDevice("phone"), await createDevice("bot"), await createDevice("c")]
    await c.addOwner(phone.card)
    await c.grant(bot.card, { site: "example.com" })
    await c.addOwner(next.card)
    const successor = await openVault(provider, { identity: next, memory: memories.c, now: () => now })
    await successor.removeOwner(devices.c.card)
    await a.refresh()
    expect(letIn((await a.removeOwner(next.card)).letIn)).toEqual([["phone"], ["bot example.com"], 0])
  })

  it("says of how many grants it is not known who made them", async () => {
    await c.grant((await createDevice("bot")).card, { site: "example.com" })
    await a.refresh()
    const text = (await memories.a.read()) ?? ""
    // As an earlier version kept it.
    await memories.a.write(text.replaceAll(/,\\"by\\":\\"[0-9a-f]{32}\\"(?=\}\])/g, ""))
    for (const name of await namesIn(provider, `${a.id}/members/`)) await provider.remove(name)
    const older = await openVault(provider, { identity: devices.a, memory: memories.a, now: () => now })
    expect(letIn((await older.removeOwner("c")).letIn)).toEqual([[], [], 1])
  })
})

describe("a recovery identity", () => {
  const lone = ({ loneRecoveries }: OwnerRemoval) => loneRecoveries.map(({ name }) => name)

  it("is named once it knows none of the owners that are left, and not while it knows one", async () => {
    const [phone, paper] = [await createDevice("phone"), createRecovery().identity]
    await c.addRecovery(paper)
    await a.refresh()
    await a.addOwner(phone.card)
    expect(lone(await a.removeOwner("c"))).toEqual([])
    const atPhone = await openVault(provider, { identity: phone, owner: a.card.text, now: () => now })
    await atPhone.refresh()
    expect(lone(await atPhone.removeOwner("a"))).toEqual([])
    expect(lone(await atPhone.removeOwner("b"))).toEqual(["recovery"])
    await atPhone.addRecovery(createRecovery().identity)
    await atPhone.removeOwner((await parseCard(await createCard(paper))).fingerprint)
    expect(lone(await atPhone.removeOwner("b"))).toEqual([])
  })

  it("that was used knows the machine which it made an owner", async () => {
    const [next, paper] = [await createDevice("next"), createRecovery().identity]
    await c.addRecovery(paper)
    const identity = { ...paper, vault: a.id }
    const used = await openVault(provider, { identity, memory: await ownWordOnly(identity, a.id), now: () => now })
    await used.refresh()
    await used.addOwner(next.card)
    await used.renewRecovery(identity)
    const atNext = await openVault(provider, { identity: next, owner: used.card.text, now: () => now })
    await atNext.refresh()
    for (const name of ["a", "b", "c"]) expect(lone(await atNext.removeOwner(name))).toEqual([])
  })

  it.each([
    [true, ["next", "recovery"]],
    [false, ["a", "recovery"]],
  ])("reads after 500 days what a device writes that it knew, and that alone (%s)", async (isKnown, expected) => {
    const [next, paper] = [await createDevice("next"), createRecovery().identity]
    for (const name of ["b", "c"]) await a.removeOwner(name)
    if (isKnown) await a.addOwner(next.card)
    await a.addRecovery(paper)
    if (!isKnown) await a.addOwner(next.card)
    const atNext = await openVault(provider, {
      identity: next,
      owner: a.card.text,
      memory: createMemory(),
      now: () => now,
    })
    await atNext.refresh()
    expect(lone(await atNext.removeOwner("a"))).toEqual(isKnown ? [] : ["recovery"])
    for (let month = 0; month < 17; month++) {
      now += 31 * day
      await atNext.save(saveOf(`month ${month}`))
    }
    const identity = { ...paper, vault: a.id }
    const memory = await ownWordOnly(identity, a.id)
    const byPaper = await openVault(provider, { identity, memory, now: () => now })
    await byPaper.refresh()
    expect(ownersOf(byPaper)).toEqual(expected)
    expect(tokenOf(await byPaper.load("example.com").catch(() => null))).toBe(isKnown ? "month 16" : undefined)
  })
})

describe("a bot that may save back", () => {
  it.each([true, false])(
    "seals what it writes after a change of keys to the owners of now, and not to those of its grant; remembering: %s",
    async (isRemembering) => {
      const [next, bot] = [await createDevice("next"), await createDevice("bot")]
      await a.grant(bot.card, { site: "example.com", saveBack: true })
      const kept = isRemembering ? { memory: createMemory() } : {}
      const atBot = () => openVault(provider, { identity: bot, owner: a.card.text, ...kept, now: () => now })
      await (await atBot()).load("example.com")
      now += minute
      await a.addOwner(next.card)
      const successor = await openVault(provider, { identity: next, memory: memories.a, now: () => now })
      await successor.removeOwner(a.card.text)
      now += minute
      const vault = await atBot()
      const session = await vault.loadSession("example.com")
      if (session === null) throw new Error("The bot does not see the session")
      const before = new Set(await namesIn(provider))
      now += minute
      const { prepared } = await vault.prepareChanges(saveOf("rotated"), session.since())
      if (prepared !== null) await vault.commit(prepared)
      await vault.lease("example.com", { tool: "test" })
      const written = (await namesIn(provider)).filter((name) => !before.has(name))
      const readers = { next, bot, b: devices.b, a: devices.a }
      const opened = await Promise.all(
        written.map(async (name) => {
          const bytes = await bytesOf(provider, name)
          const writer = (await parseCard(bot.card)).writer
          const able = Object.entries(readers).map(([who, reader]) =>
            open(bytes, { reader, writerKey: () => writer, now }).then(
              () => who,
              () => null,
            ),
          )
          return (await Promise.all(able)).filter((who) => who !== null)
        }),
      )
      expect(opened).toEqual([
        ["next", "bot", "b"],
        ["next", "bot", "b"],
      ])
      expect(tokenOf(await successor.load("example.com"))).toBe("rotated")
    },
  )
})

describe("owners who change the vault at once", () => {
  it("come to the same, whoever reads the other's word first", async () => {
    const [x, bot] = [await createDevice("x"), await createDevice("bot")]
    await a.grant(bot.card, { site: "other.example" })
    await b.refresh()
    await c.refresh()
    now += minute
    await Promise.all([
      a.removeOwner("c"),
      b.addOwner(x.card),
      b.revoke(bot.card),
      a.grant(bot.card, { site: "example.com" }),
    ])
    for (let round = 0; round < 2; round++) for (const vault of [a, b]) await vault.refresh()
    for (const vault of [a, b]) {
      expect(ownersOf(vault)).toEqual(["a", "b", "x"])
      expect((await vault.grants()).map(({ site }) => site)).toEqual(["example.com"])
      expect(tokenOf(await vault.load("example.com"))).toBe("one")
    }
    await a.removeOwner("c")
    const atX = await openVault(provider, { identity: x, owner: b.card.text, now: () => now })
    expect(tokenOf(await atX.load("example.com"))).toBe("one")
    expect(await openable(devices.c, `${a.id}/sessions/`)).toEqual([])
  })

  it("and remove each other are both out where a third one is in, which goes on", async () => {
    const d = await createDevice("d")
    await b.addOwner(d.card)
    for (const vault of [a, c]) await vault.refresh()
    // Neither sees what the other says, and each tells one of the others first.
    const without = (writer: string): Provider => ({
      ...provider,
      list: (prefix, call) => skipping(provider.list(prefix, call), `-${writer}-`),
    })
    const own = { now: () => now }
    const atA = await openVault(without(c.card.writerId), { ...own, identity: devices.a, memory: memories.a })
    const deaf = await openVault(without(a.card.writerId), { ...own, identity: devices.c, memory: memories.c })
    const atD = await openVault(provider, { ...own, identity: d, owner: b.card.text, memory: createMemory() })
    await atD.refresh()
    await deaf.removeOwner("a")
    await atD.refresh()
    await atA.removeOwner("c")
    const atB = await openVault(without(c.card.writerId), { ...own, identity: devices.b, memory: memories.b })
    await atB.refresh()
    expect([ownersOf(atB), ownersOf(atD)]).toEqual([
      ["a", "b", "d"],
      ["b", "c", "d"],
    ])
    for (let round = 0; round < 2; round++) {
      for (const vault of [atB, atD]) {
        await vault.announce()
        await vault.refresh()
      }
    }
    expect([ownersOf(atB), ownersOf(atD)]).toEqual([
      ["b", "d"],
      ["b", "d"],
    ])
  })
})

async function* skipping<T extends { name: string }>(items: AsyncIterable<T>, text: string): AsyncGenerator<T> {
  for await (const item of items) if (!item.name.includes(text)) yield item
}

async function everything(store: Provider): Promise<[string, Uint8Array][]> {
  const all: [string, Uint8Array][] = []
  for (const name of await namesIn(store)) all.push([name, await bytesOf(store, name)])
  return all
}

/** A store that is away after so many requests that change something. */
function failingAfter(store: Provider, most: number): Provider {
  let left = most
  const spend = () => {
    if (left-- <= 0) throw new Error("away")
  }
  return {
    ...store,
    put: (name, bytes, call) =>
      Promise.resolve()
        .then(spend)
        .then(() => store.put(name, bytes, call)),
    remove: (name, call) =>
      Promise.resolve()
        .then(spend)
        .then(() => store.remove(name, call)),
  }
}
