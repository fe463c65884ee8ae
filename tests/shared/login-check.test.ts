import { describe, expect, it } from "vitest"
import { isCheckAddress, judgeLogin, type Expected, type Seen } from "../../shared/login-check.js"
import { basePlaintext, parseBase } from "../../shared/session-payload.js"
import { parseSnapshot } from "../../shared/snapshot.js"
import { exampleSnapshot } from "./example-snapshot.js"

const home = "https://app.example.com/home"
const canary = "canary-value"

interface Case {
  expected?: Partial<Expected>
  seen: Partial<Seen> | null
  result: string
}

/** Remembered, with the page as asked for, unless a case says otherwise. */
const cases: Record<string, Case> = {
  "the remembered page, without marks": { seen: {}, result: "logged-in" },
  "the remembered page with another query": { seen: { url: `${home}/?tab=2` }, result: "logged-in" },
  "a page nobody told of": { expected: { isRemembered: false }, seen: {}, result: "unclear" },
  "no answer": { seen: null, result: "unclear" },
  "an error page of the browser": { seen: { url: "chrome-error://chromewebdata/" }, result: "unclear" },
  "a way to /login": { seen: { url: "https://app.example.com/login" }, result: "logged-out" },
  "a way to /login that nobody told of": {
    expected: { isRemembered: false },
    seen: { url: "https://app.example.com/login" },
    result: "logged-out",
  },
  "a way to sign_in below users": { seen: { url: "https://app.example.com/users/sign_in" }, result: "logged-out" },
  "a way to wp-login.php": { seen: { url: "https://app.example.com/wp-login.php?reauth=1" }, result: "logged-out" },
  "a way to Account/SignIn": { seen: { url: "https://app.example.com/Account/SignIn" }, result: "logged-out" },
  "a way within a page to #/login": { seen: { url: "https://app.example.com/#/login" }, result: "logged-out" },
  "a way to ?action=login": { seen: { url: "https://app.example.com/?action=login" }, result: "logged-out" },
  "a way to the host login.example.com": { seen: { url: "https://login.example.com/" }, result: "logged-out" },
  "a way to a known identity provider": { seen: { url: "https://accounts.google.com/v3/x" }, result: "logged-out" },
  "a way to SAML at an unknown site": { seen: { url: "https://id.other.test/saml2/start" }, result: "logged-out" },
  "a way to another site": { seen: { url: "https://other.test/welcome" }, result: "unclear" },
  "a way to the front page": { seen: { url: "https://app.example.com/" }, result: "unclear" },
  "?login=success after a login": { seen: { url: `${home}?login=success` }, result: "logged-in" },
  "an author and a blog": {
    expected: { url: "https://app.example.com/" },
    seen: { url: "https://app.example.com/authors/blogging" },
    result: "unclear",
  },
  "a remembered page that is at an auth host itself": {
    expected: { url: "https://auth.example.com/me" },
    seen: { url: "https://auth.example.com/me" },
    result: "logged-in",
  },
  "a login at that auth host": {
    expected: { url: "https://auth.example.com/me" },
    seen: { url: "https://auth.example.com/login" },
    result: "logged-out",
  },
  "status 401": { seen: { status: 401 }, result: "logged-out" },
  "status 403, which bot walls answer with too": { seen: { status: 403 }, result: "unclear" },
  "status 404": { seen: { status: 404 }, result: "unclear" },
  "status 503, without the text": { seen: { status: 503, hasText: false }, result: "unclear" },
  "a status that is not told": { seen: { status: 0 }, result: "logged-in" },
  "the text is there": { seen: { hasText: true }, result: "logged-in" },
  "the text is there, on another page of the site": {
    seen: { url: "https://app.example.com/start", hasText: true },
    result: "logged-in",
  },
  "the text is missing": { seen: { hasText: false }, result: "logged-out" },
  "the text is missing on another page": {
    seen: { url: "https://app.example.com/start", hasText: false },
    result: "unclear",
  },
  "the text is there at a login": {
    seen: { url: "https://app.example.com/login", hasText: true },
    result: "unclear",
  },
  "the element is there": { seen: { hasElement: true }, result: "logged-in" },
  "the element is missing": { seen: { hasElement: false }, result: "logged-out" },
  "the text is there and the element is not": { seen: { hasText: true, hasElement: false }, result: "unclear" },
  "both are missing": { seen: { hasText: false, hasElement: false }, result: "logged-out" },
  "a field for a password, and no marks": { seen: { asksPassword: true }, result: "unclear" },
  "a field for a password beside the text": { seen: { asksPassword: true, hasText: true }, result: "logged-in" },
}

describe("the login check decides", () => {
  for (const [title, { expected, seen, result }] of Object.entries(cases)) {
    it(`${title}: ${result}`, () => {
      const asked = { url: home, text: canary, selector: `#${canary}`, isRemembered: true, ...expected }
      const there = { url: asked.url, status: 200, hasText: null, hasElement: null, asksPassword: false }
      expect(judgeLogin(asked, seen === null ? null : { ...there, ...seen }).result).toBe(result)
    })
  }

  it("its reason names an origin, and nothing else of an address, a text or a selector", () => {
    const url = `https://app.example.com/login/${canary}?token=${canary}#${canary}`
    const told = [false, true, null].map((hasText) =>
      judgeLogin(
        { url: home, text: canary, isRemembered: true },
        { url, status: 200, hasText, hasElement: hasText, asksPassword: true },
      ),
    )
    expect(told.map(({ why }) => why).join(" ")).toContain("https://app.example.com")
    expect(JSON.stringify(told)).not.toContain(canary)
  })
})

describe("what is remembered of being logged in", () => {
  const snapshot = exampleSnapshot()
  const check = { url: "https://app.example.com/home?x=1#y", text: "Ada", selector: "#me" }

  it("is read with its snapshot, and stands beside it in what is sealed, where older versions leave it aside", () => {
    const whole = { ...snapshot, check }
    expect(parseSnapshot(JSON.stringify(whole))).toEqual(whole)
    const plaintext = basePlaintext(whole)
    const bytes = new Uint8Array(plaintext.length)
    plaintext.writeTo(bytes)
    const payload = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    expect(payload).toEqual({ kind: "base", v: 1, snapshot, check })
    expect(parseBase(bytes)).toEqual({ snapshot: whole })
  })

  it("is refused when it is at no site of the session, too long or of another shape, without telling it", () => {
    const bad = [
      { url: `https://other.test/${canary}` },
      { url: `javascript:${canary}` },
      { url: `https://${canary}:x@app.example.com/` },
      { url: "" },
      { url: home, text: canary.repeat(20) },
      { url: home, selector: canary.repeat(100) },
      { url: home, text: "" },
      { url: home, other: canary },
      { text: canary },
      null,
    ]
    for (const one of bad) {
      const read = () => parseSnapshot({ ...snapshot, check: one })
      expect(read, JSON.stringify(one)).toThrow(expect.objectContaining({ code: "bad-snapshot" }))
      expect(read).not.toThrow(canary)
    }
  })

  it("may be at any of the session's sites", () => {
    expect(isCheckAddress("https://id.other.test/", ["example.com", "other.test"])).toBe(true)
    expect(isCheckAddress("https://notother.test/", ["example.com", "other.test"])).toBe(false)
  })
})
