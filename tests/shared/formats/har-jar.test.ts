import { describe, expect, it } from "vitest"
import { createHarJar } from "../../../shared/formats/har-jar.js"
import type { Cookie } from "../../../shared/snapshot.js"
import { cookie } from "./session.js"

const deepHost = `${"a.".repeat(60)}example.com`

/** A cookie that counts how often somebody looks whether it is sent. */
function counted(fields: Partial<Cookie>, count: () => void): Cookie {
  const path = fields.path ?? "/"
  return Object.defineProperty(cookie(fields), "path", {
    enumerable: true,
    get: () => {
      count()
      return path
    },
  })
}

describe("the jar of an HTTP archive", () => {
  it("looks at a request's address once, however many cookies it sent", () => {
    let looks = 0
    const url = new URL(`https://${deepHost}/`)
    const address = new Proxy(url, {
      get: (target, key) => {
        if (key === "hostname") looks++
        return Reflect.get(target, key, target) as unknown
      },
    })
    const jar = createHarJar()
    jar.sent(
      Array.from({ length: 500 }, (_, at) => ({ name: `n${at}`, value: "v" })),
      address,
    )
    expect(jar.cookies()).toHaveLength(500)
    expect(looks).toBe(1)
  })

  it("looks at no more cookies of one name for ten times as many domains and paths", () => {
    const work = (many: number) => {
      let looks = 0
      const jar = createHarJar()
      for (let at = 0; at < many; at++) {
        const domain = deepHost.slice(2 * (at % 60))
        jar.set(
          counted({ domain, hostOnly: false, path: `/${at}` }, () => looks++),
          false,
          deepHost,
        )
      }
      looks = 0
      jar.sent([{ name: "sid", value: "canary" }], new URL(`https://${deepHost}/`))
      return looks
    }
    expect(work(3000)).toBe(work(300))
  })

  it("knows a cookie of the site at every host below it, and none of the site above or beside", () => {
    const jar = createHarJar()
    jar.set(cookie({ domain: "b.example.com", hostOnly: false, value: "1" }), false, "b.example.com")
    jar.sent([{ name: "sid", value: "1" }], new URL("https://a.b.example.com/"))
    expect(jar.cookies()).toHaveLength(1)
    jar.sent([{ name: "sid", value: "1" }], new URL("https://xb.example.com/"))
    jar.sent([{ name: "sid", value: "1" }], new URL("https://example.com/"))
    expect(jar.cookies().map(({ domain }) => domain)).toEqual(["b.example.com", "xb.example.com", "example.com"])
  })
})
