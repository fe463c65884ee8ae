import { describe, expect, it } from "vitest"
import { healthOf, type HealthFacts } from "../../extension/health.js"
import { PspError } from "../../shared/errors.js"

const now = Date.UTC(2027, 0, 1)
const hour = 60 * 60 * 1000
const day = 24 * hour

const cookie = (name: string, endsIn: number | null, httpOnly = true) => ({
  name,
  httpOnly,
  expiresAt: endsIn === null ? null : now + endsIn,
})

function healthWith(over: Partial<HealthFacts>, error: PspError | null = null) {
  const facts: HealthFacts = {
    site: "example.com",
    account: "default",
    cookies: [],
    endsAt: null,
    lost: null,
    bound: null,
    waitingSince: null,
    ...over,
  }
  return healthOf({ error }, facts, now)
}

const away = new PspError("host-missing", "Cannot reach this computer")
const bound = { what: 'cookie "dbsc"', why: "it lives for minutes only" }
const ending = { cookies: [cookie("sid", hour)] }

describe("the health of a session that is kept in sync", () => {
  it("is fresh where no end is near, or none is known", () => {
    expect(healthWith({})).toEqual({ word: "fresh", name: null, endsAt: null })
    expect(healthWith({ cookies: [cookie("sid", null)] })).toEqual({ word: "fresh", name: null, endsAt: null })
    expect(healthWith({ cookies: [cookie("sid", 2 * day)], endsAt: now + 30 * day })).toEqual({
      word: "fresh",
      name: "sid",
      endsAt: now + 2 * day,
    })
  })

  it("is expiring a day before the login ends, and before what is saved ends", () => {
    expect(healthWith({ cookies: [cookie("sid", day)] })).toEqual({ word: "expiring", name: "sid", endsAt: now + day })
    expect(healthWith({ cookies: [cookie("sid", day + 1)] }).word).toBe("fresh")
    expect(healthWith({ cookies: [cookie("sid", 3 * day)], endsAt: now + hour })).toEqual({
      word: "expiring",
      name: null,
      endsAt: now + hour,
    })
  })

  it("counts the last of the cookies that may hold the login: a short one is renewed from a longer one", () => {
    const cookies = [cookie("access", hour), cookie("refresh", 30 * day)]
    expect(healthWith({ cookies })).toMatchObject({ word: "fresh", name: "refresh" })
    expect(healthWith({ cookies: [...ending.cookies, cookie("browser", null)] }).word).toBe("expiring")
  })

  it("leaves out what pages may read, and what measures, guards or is of one step of logging in", () => {
    const others = ["_ga", "cf_clearance", "oauth_state"].map((name) => cookie(name, 300 * day))
    for (const long of [...others, cookie("theme", 300 * day, false)])
      expect(healthWith({ cookies: [...ending.cookies, long] })).toMatchObject({ word: "expiring", name: "sid" })
  })

  it("is dead when what is saved is logged out, or has ended, whatever else there is", () => {
    const why = "nothing of the login is left"
    expect(healthWith({ lost: why, waitingSince: now, bound }, away)).toEqual({ word: "dead", why })
    expect(healthWith({ endsAt: now })).toMatchObject({ word: "dead", why: "the saved session has ended" })
    expect(healthWith({ endsAt: now + 1 }).word).toBe("expiring")
  })

  it("waits rather than fails while this computer is away", () => {
    expect(healthWith({ waitingSince: now - hour, ...ending }, away)).toEqual({ word: "waiting", since: now - hour })
    expect(healthWith({ ...ending, bound }, away)).toEqual({ word: "error", why: "Cannot reach this computer" })
  })

  it("names what is bound to this device where nothing is more urgent", () => {
    expect(healthWith({ bound })).toEqual({ word: "bound", ...bound })
    expect(healthWith({ bound, ...ending }).word).toBe("expiring")
  })
})
