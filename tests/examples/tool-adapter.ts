import type { SnapshotDiff } from "../../shared/diff.js"
import { PspError } from "../../shared/errors.js"
import type { RestoreReport } from "../../shared/report.js"
import type { Snapshot } from "../../shared/snapshot.js"
import type { CaptureOptions, DiffOptions, RestoreOptions } from "../../shared/adapters/adapter.js"
import { captureFrom } from "../../shared/adapters/capture.js"
import { connectCdpAddress } from "../../shared/adapters/cdp/address.js"
import { openCdpContext } from "../../shared/adapters/cdp/context.js"
import { diffFrom } from "../../shared/adapters/diff.js"
import type { DrivenTarget } from "../../shared/adapters/driven-context.js"
import { hasMethod } from "../../shared/adapters/has-method.js"
import { withLentContext } from "../../shared/adapters/lent-context.js"
import { restoreInto } from "../../shared/adapters/restore.js"
import { sessionTool } from "../../shared/adapters/session-tool.js"
import { openSession, type OpenOptions, type Session, type SessionVault } from "../../shared/adapters/session.js"
import { closedTarget, type StepOptions } from "../../shared/adapters/steps.js"
import { describeMistake } from "../../shared/adapters/wrong-target.js"

/** A context of Tool, described by what is used of it: whoever passes one has the package, and we do not import it. */
export interface ToolContext {
  /** Where its browser listens: `http://127.0.0.1:9222`, or `ws://…` */
  endpoint(): string
  /** As the browser calls the context; null for its default one. */
  contextId(): string | null
}

/** @throws `not-found` when nothing is there for this identity, and what loading throws */
export async function open(
  vault: SessionVault,
  site: string,
  options: OpenOptions = {},
): Promise<Session<ToolContext>> {
  return openSession(vault, site, options, tool)
}

/** @throws `bad-target`, `aborted`, `usage`: see `Adapter` */
export async function restore(
  context: ToolContext,
  snapshot: Snapshot,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  return withContext(context, "restore session", options, (driven) => restoreInto(driven, snapshot, options))
}

/** @throws as `restore` does */
export async function capture(context: ToolContext, options: CaptureOptions): Promise<Snapshot> {
  return withContext(context, "capture session", options, (driven) => captureFrom(driven, options, "tool"))
}

/** @throws as `restore` does */
export async function diff(context: ToolContext, snapshot: Snapshot, options: DiffOptions = {}): Promise<SnapshotDiff> {
  return withContext(context, "compare session", options, (driven) => diffFrom(driven, snapshot, options, "tool"))
}

const tool = sessionTool<ToolContext>("tool", withContext)

async function withContext<Result>(
  context: ToolContext,
  doing: string,
  options: StepOptions,
  work: (driven: DrivenTarget) => Promise<Result>,
): Promise<Result> {
  requireContext(context, doing)
  const connect = async () => {
    const connection = await connectCdpAddress(context.endpoint(), options)
    return openCdpContext(connection, context.contextId(), options.timeoutMs)
  }
  try {
    return await withLentContext(context, connect, work)
  } catch (error) {
    throw closedTarget(error, doing)
  }
}

/** Whoever writes JavaScript may pass anything. */
function requireContext(context: unknown, doing: string): asserts context is ToolContext {
  if (hasMethod(context, "endpoint") && hasMethod(context, "contextId")) return
  const got = hasMethod(context, "newContext")
    ? "a browser (pass a context)"
    : describeMistake(context, "an object that is none")
  throw new PspError("bad-target", `Cannot ${doing}: expected a context of Tool, got ${got}`)
}
