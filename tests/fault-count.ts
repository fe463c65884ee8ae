/** How many seeded cases to run: a sample, or as many as PSP_FAULT_COUNT says. */
export function faultCount(sample: number): number {
  const asked = Number(process.env["PSP_FAULT_COUNT"] ?? "")
  return Number.isSafeInteger(asked) && asked > 0 ? asked : sample
}

/** How long such a test may take (ms): as long as its sample needs, or half an hour where faults are counted. */
export function faultTimeout(sample: number): number {
  return faultCount(0) > 0 ? 1_800_000 : sample
}
