import type { CdpConnection } from "./connection.js"

/** A script that runs in new documents, before any of their own. */
export interface InitScript {
  source: string
  /** What takes it away again, by session. */
  ids: Map<string, Promise<string>>
}

export function createScript(source: string): InitScript {
  return { source, ids: new Map() }
}

export async function addScript(connection: CdpConnection, script: InitScript, sessionId: string): Promise<void> {
  const { source, ids } = script
  const added = connection.send("Page.addScriptToEvaluateOnNewDocument", { source }, sessionId)
  const id = added.then((answer) => (answer as { identifier: string }).identifier)
  ids.set(sessionId, id)
  await id
}

/** Out of all sessions; one that has ended took it along. */
export async function removeScript(connection: CdpConnection, { ids }: InitScript): Promise<void> {
  await Promise.allSettled(
    [...ids].map(async ([sessionId, id]) => {
      const identifier = await id
      await connection.send("Page.removeScriptToEvaluateOnNewDocument", { identifier }, sessionId)
    }),
  )
}
