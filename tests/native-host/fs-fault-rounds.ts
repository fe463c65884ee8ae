import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync } from "node:fs"
import * as realFs from "node:fs/promises"
import { dirname, join } from "node:path"
import type { FileSystem } from "../../native-host/fs-nofollow.js"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { isPspError } from "../../shared/errors.js"
import type { Provider } from "../../shared/provider.js"

/**
 * A process of its own, `FAULT FOLDER ROUNDS`, because a limit of files, a user and a mount belong to a process: each
 * round saves, brings the fault about, tries everything, undoes it, and looks at what is there. It prints as JSON how
 * often each try ended how, and ends with an error where something was lost, or taken for gone.
 */
const [, , fault = "", vault = "", rounds = "1"] = process.argv
const ended: Record<string, number> = {}
mkdirSync(vault, { recursive: true, mode: 0o700 })

for (let round = 0; round < Number(rounds); round++) {
  const folder = `v/r${round}`
  const [old, going, next, apart] = [`${folder}/old`, `${folder}/going`, `${folder}/next`, `v/x${round}/next`] as const
  const bytes = new Uint8Array(5000).fill(round)
  let isBroken = false
  const before = createFsProvider(vault, fault === "EIO" ? { fs: failing(round, () => isBroken) } : {})
  for (const name of [old, going]) await before.put(name, bytes)

  const mend = bring(fault, folder, round)
  isBroken = true
  const acknowledged: string[] = [old]
  for (const provider of fault === "EIO" ? [before] : [before, createFsProvider(vault)]) {
    for (const name of [next, apart]) {
      if ((await tell("put", () => provider.put(name, bytes))) === "done") acknowledged.push(name)
    }
    await tell("get", async () => assert.deepEqual(await provider.get(old), bytes))
    await tell("list", async () => assert.ok((await namesIn(provider, `${folder}/`)).includes(old)))
    await tell("remove", () => provider.remove(going))
  }
  isBroken = false
  mend()

  const after = createFsProvider(vault)
  for (const name of acknowledged) assert.deepEqual(await after.get(name), bytes)
  for (const name of [next, apart]) {
    // All of it, or nothing.
    assert.deepEqual((await after.get(name)) ?? bytes, bytes)
    await before.put(name, bytes)
    assert.deepEqual(await after.get(name), bytes)
  }
  await before.remove(going)
  assert.deepEqual(await namesIn(after, `${folder}/`), [next, old])
  // A temporary that could not be taken away is swept when its process is gone.
  if (fault !== "EIO") assert.deepEqual(readdirSync(join(vault, ".partial")), [])
}
process.stdout.write(JSON.stringify(ended))

/** Brings the fault about; gives back what undoes it. */
function bring(fault: string, folder: string, round: number): () => void {
  switch (fault) {
    case "EACCES": {
      const where = [join(vault, folder), join(vault, ".partial"), join(vault, "v")][round % 3] ?? vault
      // Readable, or not even that.
      chmodSync(where, round % 2 === 0 ? 0o500 : 0o000)
      return () => chmodSync(where, 0o700)
    }
    case "EROFS":
      remount("ro")
      return () => remount("rw")
    case "EMFILE": {
      const taken: number[] = []
      for (let isFull = false; !isFull;) {
        try {
          taken.push(openSync("/dev/null", "r"))
        } catch {
          isFull = true
        }
      }
      // So that another step fails in each round.
      for (let left = round % 4; left > 0; left--) closeSync(taken.pop() ?? -1)
      return () => taken.forEach((file) => closeSync(file))
    }
    default:
      return () => undefined
  }
}

function remount(how: "ro" | "rw"): void {
  const { status, stderr } = spawnSync("mount", ["-o", `remount,${how}`, dirname(vault)], { encoding: "utf8" })
  assert.equal(status, 0, stderr)
}

/** Every so manieth call to the system says EIO while it is broken, counted from another one in each round. */
function failing(round: number, isBroken: () => boolean): FileSystem {
  let calls = round
  const every = 2 + (round % 9)
  const watch = <T extends object>(object: T): T =>
    new Proxy(object, {
      get: (target, key): unknown => {
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== "function") return value
        return async (...given: unknown[]): Promise<unknown> => {
          // What is open is closed, as it is on a real disk that fails.
          if (isBroken() && key !== "close" && ++calls % every === 0) {
            throw Object.assign(new Error("EIO"), { code: "EIO" })
          }
          const result: unknown = await Reflect.apply(value, target, given)
          return key === "open" && typeof result === "object" && result !== null ? watch(result) : result
        }
      },
    })
  return watch({ ...realFs })
}

async function tell(what: string, work: () => Promise<unknown>): Promise<string> {
  const outcome = await work().then(
    () => "done",
    (error: unknown) => {
      if (!isPspError(error)) throw error
      return error.code
    },
  )
  ended[`${what} ${outcome}`] = (ended[`${what} ${outcome}`] ?? 0) + 1
  return outcome
}

async function namesIn(provider: Provider, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of provider.list(prefix)) names.push(name)
  return names
}
