/** How many seeded cases to run: a sample, or as many as PSP_FAULT_COUNT says. */
export function faultCount(sample: number): number {
  const asked = Number(process.env["PSP_FAULT_COUNT"] ?? "")
  return Number.isSafeInteger(asked) && asked > 0 ? asked : sample
}
