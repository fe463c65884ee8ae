import { S3Client, type PutObjectCommandInput, type S3ClientConfig } from "@aws-sdk/client-s3"
import type { S3Encryption, S3Location } from "./s3-address.js"

export interface S3Options extends S3Location {
  /** The default: where the AWS tools look (environment, profile, single sign-on, the machine's role). */
  credentials?: S3Credentials | (() => Promise<S3Credentials>)
  /** How long to wait for a connection, and for the next bytes on it (ms). */
  patience?: { connect: number; idle: number }
}

export interface S3Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
  expiration?: Date
}

/** An upload that still moves is not idle; all tries of it together have `withRetries`' 60 s. */
const defaultPatience = { connect: 5_000, idle: 20_000 }

/** A client that tries each request once and says nothing on the console. @throws `Region is missing` */
export async function openS3Client(options: S3Options): Promise<S3Client> {
  const { endpoint, region, pathStyle = false, checksums, credentials, patience = defaultPatience } = options
  const config: S3ClientConfig = {
    forcePathStyle: pathStyle,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: patience.connect, socketTimeout: patience.idle, logger: silent },
    logger: silent,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(checksums === undefined ? {} : checksumSettings(checksums)),
  }
  const client = new S3Client(config)
  try {
    await client.config.region()
    return client
  } catch (error) {
    client.destroy()
    // Most servers other than Amazon's have one region and take any name for it, this one above all.
    if (endpoint !== undefined && region === undefined) return new S3Client({ ...config, region: "us-east-1" })
    throw error
  }
}

/** What a put says of how the store shall encrypt. */
export function encryptionInput(encryption: S3Encryption | undefined): Partial<PutObjectCommandInput> {
  if (encryption === undefined) return {}
  const { kind } = encryption
  if (kind === "AES256" || encryption.keyId === undefined) return { ServerSideEncryption: kind }
  return { ServerSideEncryption: kind, SSEKMSKeyId: encryption.keyId }
}

/** The work, or the signal's reason as soon as it is aborted: the search for credentials hears no signal. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener("abort", onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}

function checksumSettings(checksums: "when-supported" | "when-required"): Partial<S3ClientConfig> {
  const setting = checksums === "when-required" ? "WHEN_REQUIRED" : "WHEN_SUPPORTED"
  return { requestChecksumCalculation: setting, responseChecksumValidation: setting }
}

function ignore(): void {
  // A warning of the SDK may name what it was about.
}
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }
