import { homedir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { homeDir } from "../../native-host/home.js"

const user = homedir()

describe("home", () => {
  it.each<[NodeJS.Platform, Record<string, string>, string]>([
    ["linux", { PSP_HOME: "/elsewhere" }, "/elsewhere"],
    ["linux", { PSP_HOME: "" }, join(user, ".local/share/persistent-sessions")],
    ["linux", { XDG_DATA_HOME: "/data" }, "/data/persistent-sessions"],
    ["linux", { XDG_DATA_HOME: "relative" }, join(user, ".local/share/persistent-sessions")],
    ["darwin", { XDG_DATA_HOME: "/data" }, join(user, "Library/Application Support/persistent-sessions")],
    ["win32", { LOCALAPPDATA: "/local" }, "/local/persistent-sessions"],
    ["win32", {}, join(user, "AppData/Local/persistent-sessions")],
  ])("on %s with %j is %s", (platform, env, expected) => {
    expect(homeDir(env, platform)).toBe(expected)
  })

  it("refuses a relative PSP_HOME, which a browser would take from another folder", () => {
    expect(() => homeDir({ PSP_HOME: "here" })).toThrow(expect.objectContaining({ code: "bad-config" }))
  })
})
