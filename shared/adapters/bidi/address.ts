import { parseBrowserAddress } from "../browser-address.js"
import type { StepOptions } from "../steps.js"
import { connectWebSocket } from "../web-socket.js"
import { connectBidi } from "./connection.js"
import { openBidiSession, type BidiSession } from "./session.js"

/**
 * Connects to the browser at a WebDriver BiDi address, and begins a session there. Firefox with `--remote-debugging-port` writes
 * its address without a path (`ws://127.0.0.1:9222`): then that of its sessions is meant. An address with a session in it
 * (`ws://…/session/<id>`, as a WebDriver gives in `webSocketUrl`) uses that one.
 *
 * @throws `bad-target` when nobody answers there, or another tool holds the only session; `aborted` when it takes too long or
 *   is called off; `usage` for what is no address
 */
export async function connectBidiAddress(address: string, options: StepOptions = {}): Promise<BidiSession> {
  const url = parseBrowserAddress(address, "ws", "ws://127.0.0.1:9222")
  url.protocol = url.protocol.replace("http", "ws")
  if (url.pathname === "/" && url.search === "") url.pathname = "/session"
  return openBidiSession(connectBidi(await connectWebSocket(url, options)), options)
}
