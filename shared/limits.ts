/**
 * Most bytes that a capture takes, as they are sealed: escapes and Base64 count. `database` and `origin` are about records
 * and files, `session` about everything. What is over is named in the report.
 */
export interface Limits {
  database: number
  origin: number
  session: number
}

const MiB = 1024 * 1024

/** Generous: what fits an envelope (see `maxSnapshotBytes`), less a margin; more than that is never taken. */
export const defaultLimits: Limits = { database: 60 * MiB, origin: 60 * MiB, session: 64 * MiB }
