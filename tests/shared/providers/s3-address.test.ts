import { describe, expect, it } from "vitest"
import { openStore } from "../../../native-host/stores.js"
import { createS3Provider, parseS3Address } from "../../../shared/providers/s3.js"
import { everythingIn } from "../../error-text.js"

describe("parseS3Address", () => {
  it.each([
    ["s3://team-vault", { bucket: "team-vault" }],
    ["s3://team-vault/", { bucket: "team-vault" }],
    ["s3://team.vault/a/b-c/", { bucket: "team.vault", prefix: "a/b-c" }],
    ["s3://Old_Bucket", { bucket: "Old_Bucket" }],
    ["s3://vault?region=eu-west-1", { bucket: "vault", region: "eu-west-1" }],
    [
      "s3://vault/p?endpoint=https://s3.example.com:9000&pathStyle=1",
      { bucket: "vault", prefix: "p", endpoint: "https://s3.example.com:9000", pathStyle: true },
    ],
    ["s3://vault?pathStyle=0", { bucket: "vault", pathStyle: false }],
    ["s3://vault?sse=AES256", { bucket: "vault", encryption: { kind: "AES256" } }],
    ["s3://vault?sse=aws:kms", { bucket: "vault", encryption: { kind: "aws:kms" } }],
    [
      "s3://vault?sse=aws:kms:dsse&kmsKey=arn:aws:kms:eu-west-1:1234:key/ab-cd",
      { bucket: "vault", encryption: { kind: "aws:kms:dsse", keyId: "arn:aws:kms:eu-west-1:1234:key/ab-cd" } },
    ],
    ["s3://vault?checksums=required", { bucket: "vault", checksums: "when-required" }],
    ["s3://vault?checksums=supported", { bucket: "vault", checksums: "when-supported" }],
  ])("reads %s", (address, location) => {
    expect(parseS3Address(address)).toEqual(location)
  })

  it.each([
    "s3:",
    "s3://",
    "s3:///prefix",
    "s3://ab",
    "s3://bucket:9000/prefix",
    "s3://-bucket",
    "s3://zone--use1-az4--x-s3",
    "s3://bucket/a//b",
    "s3://bucket/a%20b",
    "s3://bucket/ü",
    "s3://bucket#canary",
    "s3://canary@bucket",
    "s3://CANARYKEY:canary-secret@bucket/prefix",
    "s3://bucket?accessKeyId=canary",
    "s3://bucket?canary",
    "s3://bucket?region=a&region=b",
    "s3://bucket?region=",
    "s3://bucket?region=canary secret",
    "s3://bucket?pathStyle=true",
    "s3://bucket?pathStyle=toString",
    "s3://bucket?endpoint=canary",
    "s3://bucket?endpoint=ftp://canary.example",
    "s3://bucket?endpoint=https://user:canary@s3.example.com",
    "s3://bucket?endpoint=https://s3.example.com%3Ftoken=canary",
    "s3://bucket?sse=canary",
    "s3://bucket?sse=AES256&kmsKey=canary",
    "s3://bucket?kmsKey=canary",
    "s3://bucket?sse=aws:kms&kmsKey=canary%20canary",
    "s3://bucket?checksums=canary",
  ])("refuses %s with `bad-config` and repeats nothing of it", async (address) => {
    const error: unknown = await openStore(address).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: "PspError", code: "bad-config" })
    expect(everythingIn(error)).not.toMatch(/canary/i)
  })

  it("lets no dots out of the prefix", () => {
    for (const prefix of ["..", "a/../b", ".", "a/."]) {
      expect(() => createS3Provider({ bucket: "vault", prefix })).toThrow(
        expect.objectContaining({ code: "bad-config" }),
      )
    }
  })
})
