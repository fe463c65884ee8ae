import type { Jar } from "./cookie-jar.js"
import type { DrivenContext, DrivenTarget } from "./driven-context.js"
import { whenSeedsRest } from "./session-seed.js"

/** A context of our own over a protocol; it ends without taking anything of the browser's along. */
export interface LentContext extends DrivenContext {
  jar: Jar
  close(): Promise<void>
}

interface Lent {
  context: Promise<LentContext>
  users: number
}

const lent = new WeakMap<object, Lent>()

/**
 * Works with the context that belongs to an object of the user's tool. It is opened by the first who needs it, shared by all
 * at the same time, and closed when the last has ended and no sessionStorage waits for a tab any more.
 *
 * @param owner the user's own object, which the context stands for
 */
export async function withLentContext<Result>(
  owner: object,
  open: () => Promise<LentContext>,
  work: (target: DrivenTarget) => Promise<Result>,
): Promise<Result> {
  const mine = lent.get(owner) ?? { context: open(), users: 0 }
  lent.set(owner, mine)
  mine.users++
  const letGo = () => {
    if (lent.get(owner) === mine) lent.delete(owner)
  }
  let context: LentContext
  try {
    context = await mine.context
  } catch (error) {
    letGo()
    throw error
  }
  context.on("close", letGo)
  try {
    return await work({ context, jar: context.jar })
  } finally {
    mine.users--
    void whenSeedsRest(context).then(async () => {
      if (mine.users > 0 || lent.get(owner) !== mine) return
      letGo()
      await context.close()
    })
  }
}
