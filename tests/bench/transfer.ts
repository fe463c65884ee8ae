import { build } from "esbuild"
import { startBrowser } from "../e2e/browser.js"
import { interleave, median, rangeOf, type BenchRow } from "./table.js"

/** 3 and 30 MB through the real native port, into the vault on disk: the time per MB must not grow with the size. */
export async function benchTransfer(rounds = 5): Promise<BenchRow[]> {
  const browser = await startBrowser()
  try {
    const page = await browser.openPage("dashboard")
    await page.evaluate(await putScript())
    const put = (megabytes: number) =>
      page.evaluate(
        (size) => (globalThis as unknown as { pspPut: (size: number) => Promise<number> }).pspPut(size),
        megabytes,
      )
    const times = await interleave(rounds, { small: () => put(3), large: () => put(30) })
    const perMegabyte = { small: median(times.small) / 3, large: median(times.large) / 30 }
    return [
      {
        name: "Transfer of 30 MB through the native port, per MB",
        value: `${perMegabyte.large.toFixed(1)} ms`,
        peer: `of 3 MB: ${perMegabyte.small.toFixed(1)} ms`,
        ratio: perMegabyte.large / perMegabyte.small,
        limit: 1.5,
        range: `whole: ${rangeOf(times.large)}`,
      },
    ]
  } finally {
    await browser.stop()
  }
}

/** The extension's own port and provider, as one script for one of its pages: puts an object, answers with the ms. */
async function putScript(): Promise<string> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { connect } from "./extension/native-port.ts"
        import { createPortProvider } from "./extension/port-provider.ts"
        globalThis.pspPut = async (megabytes) => {
          const bytes = new Uint8Array(megabytes * 1e6).fill(120)
          crypto.getRandomValues(bytes.subarray(0, 1024))
          for (let i = 0; i < 1024; i++) bytes[i] = 97 + (bytes[i] % 26)
          const hex = (list) => Array.from(list, (byte) => byte.toString(16).padStart(2, "0")).join("")
          const digest = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 16))
          const name = "0".repeat(32) + "/sessions/" + "a".repeat(26) + "/" + "0".repeat(16) + "-" + "1".repeat(32) + "-" + digest + ".psp"
          const connection = await connect()
          try {
            const provider = createPortProvider(connection)
            const started = performance.now()
            await provider.put(name, bytes)
            const time = performance.now() - started
            await provider.remove(name)
            return time
          } finally {
            connection.close()
          }
        }`,
      resolveDir: process.cwd(),
      loader: "ts",
    },
    bundle: true,
    format: "iife",
    write: false,
    logLevel: "silent",
    plugins: [
      {
        name: "browser",
        setup(build) {
          build.onResolve({ filter: /^wxt\/browser$/ }, () => ({ path: "browser", namespace: "browser" }))
          build.onLoad({ filter: /.*/, namespace: "browser" }, () => ({
            contents: "export const browser = globalThis.chrome",
          }))
        },
      },
    ],
  })
  return outputFiles[0]?.text ?? ""
}
