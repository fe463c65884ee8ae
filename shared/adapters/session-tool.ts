import type { LoginVerdict } from "../login-check.js"
import type { RestoreReport } from "../report.js"
import type { Snapshot } from "../snapshot.js"
import type { CaptureOptions, RestoreOptions } from "./adapter.js"
import { captureFrom } from "./capture.js"
import { lookAgain } from "./check-login.js"
import type { DrivenTarget } from "./driven-context.js"
import { restoreInto } from "./restore.js"

/** What an open session asks of an adapter. */
export interface SessionTool<Target extends object> {
  /** For the access history: `playwright`. */
  readonly name: string
  /** @param onSet called when all state is in its place, and before the site is asked for anything */
  restore(
    target: Target,
    snapshot: Snapshot,
    options: RestoreOptions,
    onSet: () => Promise<void>,
  ): Promise<RestoreReport>
  capture(target: Target, options: CaptureOptions): Promise<Snapshot>
  /** Asks the site, in a page of its own, whether one is logged in. */
  look(target: Target, snapshot: Snapshot, options: LookOptions): Promise<LoginVerdict>
  /** Tells when the target closes, where the tool tells that; gives back how to stop listening. */
  onClose(target: Target, listener: () => void): () => void
}

export type LookOptions = Pick<RestoreOptions, "signal" | "timeoutMs">

/** How an adapter reaches the context behind the user's object. */
export type WithTarget<Target> = <Result>(
  target: Target,
  doing: string,
  options: LookOptions,
  work: (driven: DrivenTarget) => Promise<Result>,
) => Promise<Result>

/** @param name of the tool, for reports and the access history */
export function sessionTool<Target extends object>(
  name: string,
  withTarget: WithTarget<Target>,
  onClose: SessionTool<Target>["onClose"] = () => () => undefined,
): SessionTool<Target> {
  return {
    name,
    restore: (target, snapshot, options, onSet) =>
      withTarget(target, "restore session", options, (driven) => restoreInto(driven, snapshot, { ...options, onSet })),
    capture: (target, options) =>
      withTarget(target, "save session", options, (driven) => captureFrom(driven, options, name)),
    look: (target, snapshot, options) =>
      withTarget(target, "save session", options, ({ context }) =>
        lookAgain({ context }, snapshot, { ...options, doing: "save session" }),
      ),
    onClose,
  }
}
