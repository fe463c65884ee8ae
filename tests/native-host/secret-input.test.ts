import { PassThrough } from "node:stream"
import { describe, expect, it } from "vitest"
import { readSecret } from "../../native-host/secret-input.js"

function pipe(text: string) {
  const input = new PassThrough()
  input.end(text)
  return { input, output: { write: () => true } }
}

function terminal() {
  const input = Object.assign(new PassThrough(), { isTTY: true })
  const output = new PassThrough()
  let shown = ""
  output.on("data", (data: Buffer) => (shown += data.toString()))
  return { input, output, shown: () => shown }
}

describe("a secret", () => {
  it("that is piped in is all of it but the end of its line", async () => {
    expect(await readSecret("?", pipe("canary"))).toBe("canary")
    expect(await readSecret("?", pipe("canary\n"))).toBe("canary")
    expect(await readSecret("?", pipe("canary\r\n"))).toBe("canary")
    expect(await readSecret("?", pipe(" a b \n\n"))).toBe(" a b \n")
    expect(await readSecret("?", pipe(""))).toBe("")
  })

  it("that is too long to be one is refused without a word of it", async () => {
    const fault: unknown = await readSecret("?", pipe("canary".repeat(10_000))).catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: "usage" })
    expect(String(fault)).not.toContain("canary")
  })

  it("that is typed is not shown, the question is", async () => {
    const { input, output, shown } = terminal()
    const secret = readSecret("password: ", { input, output })
    for (const key of ["c", "x", "\x7f", "anary", "\r"]) input.write(key)
    expect(await secret).toBe("canary")
    expect(shown()).toBe("password: \n")
  })

  it("is `aborted` by Ctrl-C, and none after Ctrl-D", async () => {
    const first = terminal()
    const called = readSecret("?", first)
    first.input.write("can\x03")
    await expect(called).rejects.toMatchObject({ code: "aborted" })
    const second = terminal()
    const ended = readSecret("?", second)
    second.input.write("\x04")
    expect(await ended).toBe("")
  })
})
