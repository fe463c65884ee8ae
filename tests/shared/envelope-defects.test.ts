import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { tryForgedSteps, tryTampering, type EnvelopeModule } from "./envelope-attacks.js"

/**
 * A check is only worth something when its absence is noticed: each of these defects, put into a copy of the code, must
 * make some attack succeed (or an honest envelope fail).
 */
interface Defect {
  title: string
  file: "envelope.ts" | "cobblestone.ts"
  from: string
  to: string
}

const defects: Defect[] = [
  {
    title: "the commitment is not compared",
    file: "cobblestone.ts",
    from: "if (!equalBytes(commitment, message.subarray(saltLength, saltLength + commitmentLength))) return null",
    to: "",
  },
  {
    title: "the signature is not checked",
    file: "envelope.ts",
    from: 'if (!isSignedBy(key, concat(transcript, mac), sig)) throw refuse("damaged", "signature")',
    to: "",
  },
  {
    title: "the MAC is not compared",
    file: "envelope.ts",
    from: 'if (!equalBytes(macOf(dek, transcript), mac)) throw refuse("damaged", "mac")',
    to: "",
  },
  {
    title: "chunks are counted wrongly",
    file: "cobblestone.ts",
    from: "view.setUint32(8, view.getUint32(8) ^ index)",
    to: "view.setUint8(11, view.getUint8(11) ^ index)",
  },
  {
    title: "the body is not bound to its header",
    file: "cobblestone.ts",
    from: "concat(label, salt, context)",
    to: "concat(label, salt)",
  },
  {
    title: "the asked-for vault, session and type are not compared",
    file: "envelope.ts",
    from: 'if (!isExpected(header, options.expected)) throw refuse("damaged", "context")',
    to: "",
  },
  {
    title: "a body may end with a full chunk",
    file: "cobblestone.ts",
    from: "const chunks = Math.floor(body / (chunkLength + tagLength)) + 1",
    to: "const chunks = Math.ceil(body / (chunkLength + tagLength))",
  },
  {
    title: "the name is not recomputed",
    file: "envelope.ts",
    from: "if (options.name !== undefined && nameOf(header, await digestOf(bytes)) !== options.name)",
    to: "if (false)",
  },
]

// The last-chunk rule stands in two places that back each other up; the defect takes out both.
const lastChunkRule = { from: "if (lastChunk < tagLength) return null", to: "" }

const shared = fileURLToPath(new URL("../../shared/", import.meta.url))
let folder: string

async function buildWith(defect: Defect | null): Promise<EnvelopeModule> {
  const outfile = path.join(folder, `${defect?.title.replaceAll(" ", "-") ?? "sound"}.mjs`)
  await build({
    entryPoints: [path.join(shared, "envelope.ts")],
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "silent",
    plugins: [
      {
        name: "defect",
        setup(build) {
          build.onLoad({ filter: /shared[\\/](?:envelope|cobblestone)\.ts$/ }, async ({ path: file }) => {
            const source = await readFile(file, "utf8")
            if (defect?.file !== path.basename(file)) return { contents: source, loader: "ts" }
            const changed = replaceOnce(source, defect)
            const isLastChunk = defect.title.includes("full chunk")
            return { contents: isLastChunk ? replaceOnce(changed, lastChunkRule) : changed, loader: "ts" }
          })
        },
      },
    ],
  })
  return (await import(pathToFileURL(outfile).href)) as EnvelopeModule
}

function replaceOnce(source: string, { from, to }: { from: string; to: string }): string {
  const parts = source.split(from)
  if (parts.length !== 2) throw new Error(`A defect no longer fits the code, mend the test: ${from}`)
  return parts.join(to)
}

async function attack(module: EnvelopeModule): Promise<string[]> {
  const steps = await tryForgedSteps(module)
  const tampering = await tryTampering(module, 97)
  return [...steps.failures, ...tampering.failures]
}

describe("a defect put into the envelope", () => {
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "psp-defects-"))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  it("is what makes the difference: the sound copy withstands all attacks", async () => {
    expect(await attack(await buildWith(null))).toEqual([])
  }, 60_000)

  it.each(defects)(
    "is noticed: $title",
    async (defect) => {
      expect(await attack(await buildWith(defect))).not.toEqual([])
    },
    60_000,
  )
})
