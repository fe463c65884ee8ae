import { ask } from "./messages.js"
import { requestNotify } from "./permissions.js"

/**
 * What the switch does. The browser's question comes first, and only when it is switched on: one `await` before it would lose the click.
 *
 * @returns whether it is on, or that the browser was not allowed to
 */
export async function switchTell(isOn: boolean): Promise<"on" | "off" | "refused"> {
  if (isOn && !(await requestNotify())) return "refused"
  await ask("tell", { isOn })
  return isOn ? "on" : "off"
}
