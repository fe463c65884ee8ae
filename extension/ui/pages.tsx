import { Dashboard } from "./dashboard.js"
import { HandOff } from "./hand-off.js"
import { useHandOffRoute } from "./route.js"

/** The pages of the dashboard, by its address. */
export function Pages() {
  const session = useHandOffRoute()
  return session === null ? <Dashboard /> : <HandOff key={JSON.stringify(session)} session={session} />
}
