import { describe, expect, it } from "vitest"
import { environmentOfCommand } from "../../native-host/run-environment.js"

const env = {
  PATH: "/bin",
  PSP_HOME: "/home/ada/psp",
  PSP_OWNER: "psp1…",
  PSP_IDENTITY: "canary",
  PSP_STORE: "redis://:canary@127.0.0.1",
  AWS_REGION: "eu-central-1",
  AWS_ACCESS_KEY_ID: "canary",
  AWS_SECRET_ACCESS_KEY: "canary",
  AWS_SESSION_TOKEN: "canary",
  CLOUDFLARE_API_TOKEN: "canary",
}
const aws = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
const own = ["PSP_IDENTITY", "PSP_STORE"]

const lost = (store: string, keep?: string) => {
  const given = environmentOfCommand(env, store, keep)
  return Object.keys(env)
    .filter((name) => !Object.hasOwn(given, name))
    .sort()
}

describe("what a command that gets one session finds in its environment", () => {
  it.each([
    ["file:///vault", own],
    ["redis://127.0.0.1", own],
    ["s3://bucket", [...aws, ...own]],
    ["cloudflare-kv://account/namespace", ["CLOUDFLARE_API_TOKEN", ...own]],
  ])("with the store %s is all but what opens the others", (store, names) => {
    expect(lost(store)).toEqual(names)
  })

  it("is what was asked for besides", () => {
    expect(lost("s3://bucket", "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")).toEqual(["AWS_SESSION_TOKEN", ...own])
    expect(lost("file:///vault", "PSP_IDENTITY,PSP_STORE")).toEqual([])
  })

  it("is looked at without regard to case, as Windows does", () => {
    expect(environmentOfCommand({ psp_identity: "canary", Path: "x" }, "file:///vault")).toEqual({ Path: "x" })
  })
})
