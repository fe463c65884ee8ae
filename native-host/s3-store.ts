import type { Provider } from "../shared/provider.js"
import { parseS3Address } from "../shared/providers/s3-address.js"

/**
 * The store behind an `s3:` address. The SDK is loaded only for an address that is right: it takes a tenth of a second.
 *
 * @throws `bad-config`
 */
export async function openS3Store(address: string): Promise<Provider> {
  const location = parseS3Address(address)
  // It would tell everybody on Node 20, with every command, that a later SDK will want a newer Node.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true"
  const { createS3Provider } = await import("../shared/providers/s3.js")
  return createS3Provider(location)
}
