import { chmod, cp, mkdir, readFile, rm } from "node:fs/promises"
import { build, type BuildOptions } from "esbuild"

/**
 * Builds the package: `dist/node`. The two programs have everything inside, because `psp install` copies the host to where no
 * node_modules is; what only some stores need lies in parts beside them, which are read when such a store is opened. The
 * library entries leave third-party packages to the user's package manager, but for the clients of the stores: who keeps
 * sessions in a folder does not have to install them.
 */
const outdir = "dist/node"

const common = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  legalComments: "none",
  logLevel: "warning",
} as const satisfies BuildOptions

/** Bundled CommonJS packages call `require`, which ES modules do not have. */
const requireShim =
  'import { createRequire as createRequireOfPsp } from "node:module"; const require = createRequireOfPsp(import.meta.url);'

const programs = { psp: "native-host/cli.ts", "psp-host": "native-host/host.ts" }

const entries = {
  index: "shared/index.ts",
  node: "native-host/node.ts",
  playwright: "shared/adapters/playwright.ts",
  puppeteer: "shared/adapters/puppeteer.ts",
  selenium: "shared/adapters/selenium.ts",
  browserless: "shared/adapters/browserless.ts",
  "cloudflare-workers": "shared/adapters/cloudflare-workers.ts",
  "providers/fs": "native-host/fs-provider.ts",
  "providers/memory": "shared/providers/memory.ts",
  "providers/redis": "native-host/redis-provider.ts",
  "providers/s3": "shared/providers/s3.ts",
  "providers/cloudflare-kv": "shared/providers/cloudflare-kv.ts",
}

const { dependencies, optionalDependencies } = JSON.parse(await readFile("package.json", "utf8")) as Record<
  "dependencies" | "optionalDependencies",
  Record<string, string>
>

await rm(outdir, { recursive: true, force: true })
await mkdir(outdir, { recursive: true })
for (const [name, entry] of Object.entries(programs)) {
  const banner = { js: `#!/usr/bin/env node\n${requireShim}` }
  await build({
    ...common,
    entryPoints: [{ in: entry, out: name }],
    outdir,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    chunkNames: `${name}-parts/[hash]`,
    // Machine code for one system each: who has none of it locks with a passphrase.
    external: Object.keys(optionalDependencies),
    banner,
  })
  await chmod(`${outdir}/${name}.mjs`, 0o755)
}
await build({
  ...common,
  entryPoints: Object.entries(entries).map(([out, input]) => ({ in: input, out })),
  outdir,
  outExtension: { ".js": ".mjs" },
  splitting: true,
  external: [...Object.keys(dependencies), ...Object.keys(optionalDependencies)],
  banner: { js: requireShim },
})
for (const folder of ["shared", "native-host"]) {
  await cp(`dist/types/${folder}`, `${outdir}/types/${folder}`, {
    recursive: true,
    filter: (source) => !source.includes(".") || source.endsWith(".d.ts"),
  })
}
