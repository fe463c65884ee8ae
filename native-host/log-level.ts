import { isLogLevel, readConfig, type LogLevel } from "./config.js"

/**
 * How much the host writes down: `PSP_LOG`, else `log` in the configuration (a host that a browser started has none of
 * the shell's variables), else `info`. A word that is no level, or a configuration that cannot be read, is `info`.
 */
export async function logLevelOf(home: string, env: Record<string, string | undefined>): Promise<LogLevel> {
  const { PSP_LOG: chosen } = env
  if (isLogLevel(chosen)) return chosen
  const config = await readConfig(home).catch(() => null)
  return config?.log ?? "info"
}
