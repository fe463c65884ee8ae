import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Vitest leaves one core to a person who works beside it: half of a small machine.
    maxWorkers: "100%",
    coverage: {
      provider: "v8",
      include: ["shared/**/*.ts", "native-host/**/*.ts"],
      exclude: [
        "tests/**",
        // Run in real browsers by tests/e2e, where this coverage does not see them.
        "shared/page/**",
        "shared/adapters/**",
        // Entries, run as processes of their own; what they call is covered here.
        "native-host/{cli,host,console-to-stderr,node}.ts",
        "shared/index.ts",
        // Builds what is tested.
        "native-host/build.ts",
      ],
      reporter: ["text", "json-summary"],
      thresholds: { lines: 90 },
    },
  },
})
