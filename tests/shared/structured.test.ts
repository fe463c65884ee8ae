import { describe, expect, it } from "vitest"
import { createStructuredCodec } from "../../shared/structured.js"
import { differenceBetween } from "./same-graph.js"
import { runStructuredCases, structuredCases } from "./structured-cases.js"

describe("structured", () => {
  for (const structuredCase of structuredCases) {
    const { name, needs } = structuredCase
    it.skipIf(needs !== undefined && !(needs in globalThis))(`carries ${name}`, async () => {
      expect(await runStructuredCases(createStructuredCodec, differenceBetween, [structuredCase])).toEqual([])
    })
  }
})
