import { rm } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createFsProvider } from "../../native-host/fs-provider.js"
import { fileMemory } from "../../native-host/home-vault.js"
import { readIdentity } from "../../native-host/identity-file.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import { openVault } from "../../shared/vault.js"
import { lookAlikeSite, naughtyNames } from "../naughty-names.js"
import { exampleSnapshot } from "../shared/example-snapshot.js"
import { temporaryFolder } from "./bundle.js"
import { runPsp } from "./psp.js"

let folder: string
const env = () => ({ HOME: folder, PSP_HOME: join(folder, "home"), PATH: process.env["PATH"] })

/** Each names a bot, an account, a tool and a field at a site that looks like another. */
beforeAll(async () => {
  folder = await temporaryFolder()
  await runPsp(["keygen", "--name", "laptop"], env())
  const [home, site] = [env().PSP_HOME, lookAlikeSite.punycode]
  const identity = await readIdentity(home, {})
  const vault = await openVault(createFsProvider(join(home, "vault")), { identity, memory: fileMemory(home) })
  for (const name of naughtyNames) {
    await vault.save(exampleSnapshot(site, name))
    await vault.grant(await createCard({ ...(await createIdentity(name)), vault: null }), { site, account: name })
    await vault.record({
      kind: "saved",
      site,
      account: name,
      tool: name,
      names: [name],
      bot: { name, fingerprint: "x" },
    })
  }
}, 60_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each(["grants", "list", "audit"])("psp %s", (command) => {
  it("tells each naughty name on one line of its own, with nothing in it that steers a terminal or hides", async () => {
    const { code, out } = await runPsp([command], env())
    expect(code).toBe(0)
    const lines = out.split("\n").filter((line) => line.includes(lookAlikeSite.punycode))
    expect(lines).toHaveLength(naughtyNames.length)
    expect(out).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u)
    expect(out).not.toContain(lookAlikeSite.typed)
  })

  it("gives each of them exactly to a program", async () => {
    const { out } = await runPsp([command, "--json"], env())
    const exact = JSON.stringify(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    )
    for (const name of naughtyNames) expect(exact).toContain(JSON.stringify(name))
  })
})
