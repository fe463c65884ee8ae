/*
 * Where a vault keeps its objects (the parts are drawn in vault/parts.ts):
 *
 *     <vault id>/sessions/<session id>/<clock>-<writer id>-<digest>.psp
 *     <vault id>/sessions/<session id>/parts/<clock>-<writer id>-<digest>.psp
 *     <vault id>/sessions/<session id>/leases/<clock>-<writer id>-<digest>.psp
 *     <vault id>/members/<reader id>/<clock>-<writer id>-<digest>.psp
 *     <vault id>/events/<id>/<clock>-<writer id>-<digest>.psp
 */

const folder = "[0-9a-f]{32}/(?:sessions/[a-z2-7]{26}(?:/leases)?|(?:members|events)/[0-9a-f]{32})"
const namePattern = new RegExp(
  `^(${folder})(?:(?<=/sessions/[a-z2-7]{26})/parts)?/([0-9a-f]{16}-[0-9a-f]{32})-[0-9a-f]{32}\\.psp$`,
)

/** True for a name that a vault may give an object, and for nothing else that lies in a store. */
export function isVaultName(name: string): boolean {
  return keyOf(name) !== null
}

/** True for what a vault asks `list` for: the beginning of its names, its whole id first. */
export function isVaultPrefix(prefix: string): boolean {
  return /^[0-9a-f]{32}\//.test(prefix)
}

export function isVaultId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}

/** Folder, clock and writer: the same for an envelope and its parts. Null for a name that is none of ours. */
export function keyOf(name: string): string | null {
  const [, folder, written] = namePattern.exec(name) ?? []
  return folder === undefined || written === undefined ? null : `${folder}/${written}`
}
