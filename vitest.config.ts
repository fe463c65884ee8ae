import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["shared/**/*.ts", "native-host/**/*.ts"],
      // Run in real browsers by tests/e2e, where this coverage does not see them; the build script builds what is tested.
      exclude: ["shared/page/**", "shared/adapters/**", "native-host/build.ts"],
      reporter: ["text", "json-summary"],
      thresholds: { lines: 90 },
    },
  },
})
