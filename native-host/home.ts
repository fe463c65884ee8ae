import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"
import { PspError } from "../shared/errors.js"

const folder = "persistent-sessions"

/**
 * The folder that holds everything of ours on this machine: `PSP_HOME`, else where the platform keeps such things.
 *
 * @throws `bad-config` when `PSP_HOME` is relative: the browser starts the host in another folder than the shell's.
 */
export function homeDir(
  env: Record<string, string | undefined> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const chosen = env["PSP_HOME"]
  if (chosen !== undefined && chosen !== "") {
    if (isAbsolute(chosen)) return chosen
    throw new PspError("bad-config", "Cannot use PSP_HOME: expected an absolute path, got a relative one")
  }
  const user = homedir()
  if (platform === "win32") return join(env["LOCALAPPDATA"] ?? join(user, "AppData", "Local"), folder)
  if (platform === "darwin") return join(user, "Library", "Application Support", folder)
  const data = env["XDG_DATA_HOME"]
  return data !== undefined && isAbsolute(data) ? join(data, folder) : join(user, ".local", "share", folder)
}
