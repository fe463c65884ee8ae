import type { Adapter } from "../../shared/adapters/adapter.js"
import { captureFrom } from "../../shared/adapters/capture.js"
import { diffFrom } from "../../shared/adapters/diff.js"
import type { DrivenTarget } from "../../shared/adapters/driven-context.js"
import { withLentContext, type LentContext } from "../../shared/adapters/lent-context.js"
import { restoreInto } from "../../shared/adapters/restore.js"
import { openSession } from "../../shared/adapters/session.js"
import { sessionTool } from "../../shared/adapters/session-tool.js"
import { closedTarget } from "../../shared/adapters/steps.js"

/**
 * An adapter that is nothing but its protocol: what is left when the wiring of a tool is taken away.
 *
 * @param capturedBy what a snapshot names as its tool
 */
export function rawAdapter<Target extends object>(
  capturedBy: string,
  open: (target: Target) => Promise<LentContext>,
): Adapter<Target> {
  const within = async <Result>(target: Target, doing: string, work: (driven: DrivenTarget) => Promise<Result>) => {
    try {
      return await withLentContext(target, () => open(target), work)
    } catch (error) {
      throw closedTarget(error, doing)
    }
  }
  const tool = sessionTool<Target>(capturedBy, (target, doing, _options, work) => within(target, doing, work))
  return {
    open: (vault, site, options = {}) => openSession(vault, site, options, tool),
    restore: (target, snapshot, options) =>
      within(target, "restore session", (driven) => restoreInto(driven, snapshot, options)),
    capture: (target, options) =>
      within(target, "capture session", (driven) => captureFrom(driven, options, capturedBy)),
    diff: (target, snapshot, options = {}) =>
      within(target, "compare session", (driven) => diffFrom(driven, snapshot, options, capturedBy)),
  }
}
