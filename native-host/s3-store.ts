import { PspError } from "../shared/errors.js"
import type { Provider } from "../shared/provider.js"
import { parseS3Address } from "../shared/providers/s3-address.js"
import type { S3Credentials } from "../shared/providers/s3-client.js"
import { readStoreCredentials } from "./credentials.js"

type Env = Record<string, string | undefined>

/**
 * The store behind an `s3:` address. Credentials are those of the environment, else those kept in `home` for this bucket,
 * else what the AWS tools find; for another server than Amazon's those kept come first. The SDK is loaded only for an address that is right: it takes a tenth of a second.
 *
 * @throws `bad-config`
 */
export async function openS3Store(
  address: string,
  env: Env = process.env,
  home: string | null = null,
): Promise<Provider> {
  const location = parseS3Address(address)
  const isShellFirst = location.endpoint === undefined && namesS3Credentials(env)
  const credentials = isShellFirst ? null : await keptCredentials(address, home)
  // It would tell everybody on Node 20, with every command, that a later SDK will want a newer Node.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true"
  const { createS3Provider } = await import("../shared/providers/s3.js")
  return createS3Provider({ ...location, ...(credentials !== null && { credentials }) })
}

/** True when the environment says by itself which credentials to take: a shell's, which a browser gives to no host. */
export function namesS3Credentials(env: Env): boolean {
  const isSet = (name: string) => env[name] !== undefined && env[name] !== ""
  return isSet("AWS_PROFILE") || (isSet("AWS_ACCESS_KEY_ID") && isSet("AWS_SECRET_ACCESS_KEY"))
}

async function keptCredentials(address: string, home: string | null): Promise<S3Credentials | null> {
  const { accessKeyId, secretAccessKey, sessionToken } = await readStoreCredentials(home, address)
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) return null
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const missing = accessKeyId === undefined ? "accessKeyId" : "secretAccessKey"
    throw new PspError(
      "bad-config",
      `Cannot open the store: of its credentials the ${missing} is missing; run: psp config set credentials.${missing}`,
    )
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
}
