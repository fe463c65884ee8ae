/** `persistent-sessions`: the core, for every runtime with web standards. */
export { openVault } from "./vault.js"
export type {
  AccessEvent,
  CompactOptions,
  CompactReport,
  Defect,
  DefectCode,
  EventBy,
  EventGap,
  EventKind,
  EventSays,
  EventsOptions,
  Grant,
  GrantOptions,
  HeldLease,
  HistoryEntry,
  KnownSession,
  Lease,
  LeaseOptions,
  LoadedSession,
  Revocation,
  SessionEntry,
  Vault,
  VaultMemory,
  VaultOptions,
  VerifyOptions,
  VerifyProgress,
  VerifyReport,
} from "./vault.js"
export { createCard, createIdentity, identityToText, parseCard, parseIdentity } from "./keys.js"
export type { Card, Identity } from "./keys.js"
export { open, seal } from "./envelope.js"
export type { Header, OpenedEnvelope, OpenOptions, SealedEnvelope, SealInput } from "./envelope.js"
export { parseSnapshot, snapshotToJson } from "./snapshot.js"
export type { BrowserContextState, Cookie, OriginState, Partition, Snapshot, TabState } from "./snapshot.js"
export type { LoginCheck, LoginResult, LoginVerdict } from "./login-check.js"
export { isPspError, PspError } from "./errors.js"
export type { ErrorCode } from "./errors.js"
export type { CaptureReport, Counts, Gap, Kind, RestoreReport } from "./report.js"
export type { CallOptions, Provider, PutOptions, StoreDefect, StoredObject } from "./provider.js"
export { diffSnapshots } from "./diff.js"
export type { Difference, SnapshotDiff } from "./diff.js"
export { portabilityGaps } from "./portability.js"
export { siteOf } from "./site.js"
