/** Most bytes of encoded records and files that a capture takes; what is over is named in its report. */
export interface Limits {
  database: number
  origin: number
  session: number
}

const MiB = 1024 * 1024

/** Generous: what fits an envelope (see `maxSnapshotBytes`), less what cookies and storage need. */
export const defaultLimits: Limits = { database: 48 * MiB, origin: 48 * MiB, session: 64 * MiB }
