import { defineConfig } from "@playwright/test"

/** Browsers are started by the tests themselves, from the system's packages: nothing is downloaded. */
export default defineConfig({
  testDir: "tests/e2e",
  testMatch: "*.spec.ts",
  timeout: 90_000,
  // Machines of continuous integration are slow at times; what is there ends the wait at once.
  expect: { timeout: 20_000 },
  workers: 2,
  retries: 0,
  forbidOnly: process.env["CI"] !== undefined,
  reporter: [["list"], ["json", { outputFile: "test-results/results.json" }]],
})
