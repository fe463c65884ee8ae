import { expect, it } from "vitest"
import { credentialCommands, pullCommand } from "../../extension/store-commands.js"
import type { CredentialFact } from "../../shared/store-facts.js"

const token: CredentialFact[] = [{ name: "token", state: "missing" }]

it("a credential that is missing or not kept has a command, one that is there or rarely needed has none", () => {
  const credentials: CredentialFact[] = [
    { name: "accessKeyId", state: "kept" },
    { name: "secretAccessKey", state: "missing" },
    { name: "sessionToken", state: "none" },
    { name: "password", state: "none" },
    { name: "token", state: "given" },
  ]
  expect(credentialCommands(credentials, null)).toEqual([
    "psp config set credentials.secretAccessKey",
    "psp config set credentials.password",
  ])
})

it.each([
  ["cloudflare-kv://account/namespace", "cloudflare-kv://account/namespace"],
  ["s3://bucket?endpoint=https://h&pathStyle=1", `"s3://bucket?endpoint=https://h&pathStyle=1"`],
  ["s3://b?x=;rm -rf ~", `"s3://b?x=;rm -rf ~"`],
  ["s3://b?x=$(rm)`rm`'rm'", `'s3://b?x=$(rm)\`rm\`'\\''rm'\\'''`],
])("the address %s is one word of the command", (address, word) => {
  expect(credentialCommands(token, address)).toEqual([`psp config set credentials.token --store ${word}`])
  expect(pullCommand(address)).toBe(`psp pull --all --from ${word}`)
})
