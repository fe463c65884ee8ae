import { isPspError, PspError, type ErrorCode } from "../errors.js"

/** What is read of an error of the AWS SDK or of the system below it. */
interface Fault {
  /** As the store calls it: `NoSuchKey`; `Error` and the like for what is not the store's. */
  name: string
  /** HTTP; 0 without an answer. */
  status: number
  /** As the system calls it: `ECONNREFUSED`; `""` for what is not the system's. */
  errno: string
  /** What else a store of Amazon's says: the region that a bucket is in. */
  headers: Record<string, string>
}

type Meaning = readonly [ErrorCode, string]

const clock: Meaning = [
  "denied",
  "this computer's clock differs from the store's by more than 15 minutes; set it right",
]
const credentials: Meaning = ["denied", "the store does not take these credentials"]
const expired: Meaning = ["denied", "the credentials have expired; get new ones"]
const full: Meaning = ["full", "the store has no room left for it; make room or raise its quota"]
const tooMany: Meaning = ["rate-limited", "the store asks for fewer requests"]
const noBucket: Meaning = ["bad-config", "there is no such bucket; make it, or name another"]
const elsewhere: Meaning = ["bad-config", "the bucket is in another region; name it with region="]
const noKey: Meaning = ["denied", "the store cannot use the key that it shall encrypt with"]
/** Passes, so it is tried again: what arrived is not what was sent. */
const garbled: Meaning = ["unreachable", "what was sent arrived damaged or cut"]

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and what Ceph, MinIO and others add to it. */
const byName: Record<string, Meaning> = {
  NoSuchBucket: noBucket,
  InvalidBucketName: ["bad-config", "the store takes no bucket of this name"],
  PermanentRedirect: elsewhere,
  TemporaryRedirect: elsewhere,
  AuthorizationHeaderMalformed: elsewhere,
  IllegalLocationConstraintException: elsewhere,
  InvalidAccessKeyId: credentials,
  SignatureDoesNotMatch: credentials,
  InvalidToken: credentials,
  ExpiredToken: expired,
  TokenRefreshRequired: expired,
  RequestTimeTooSkewed: clock,
  RequestExpired: clock,
  InvalidObjectState: ["denied", "the object was moved to an archive; bring it back there first"],
  QuotaExceeded: full,
  EntityTooLarge: ["full", "it is larger than the store takes"],
  InsufficientStorage: full,
  XMinioStorageFull: full,
  XMinioAdminBucketQuotaExceeded: full,
  SlowDown: tooMany,
  SlowDownRead: tooMany,
  SlowDownWrite: tooMany,
  ServiceUnavailable: tooMany,
  TooManyRequests: tooMany,
  TooManyRequestsException: tooMany,
  RequestLimitExceeded: tooMany,
  Throttling: tooMany,
  ThrottlingException: tooMany,
  BandwidthLimitExceeded: tooMany,
  ConditionalRequestConflict: ["unreachable", "others change the same object at this moment"],
  OperationAborted: ["unreachable", "others change the same bucket at this moment"],
  RequestTimeout: ["unreachable", "what was sent took too long to arrive"],
  IncompleteBody: garbled,
  BadDigest: garbled,
  XAmzContentSHA256Mismatch: garbled,
  XAmzContentChecksumMismatch: garbled,
  CredentialsProviderError: ["denied", "found no credentials where the AWS tools look for them"],
  ExpiredTokenException: expired,
}

const byStatus: Record<number, Meaning> = {
  301: elsewhere,
  307: elsewhere,
  400: ["bad-config", "the store does not take the request; do sse= and checksums= suit it?"],
  401: credentials,
  403: ["denied", "these credentials may not do that here (absent objects need the right to list the bucket)"],
  404: ["bad-config", "what answered is no S3 store; is the endpoint right, and does it want pathStyle=1?"],
  405: ["bad-config", "what answered is no S3 store; is the endpoint right, and does it want pathStyle=1?"],
  408: ["unreachable", "what was sent took too long to arrive"],
  409: ["unreachable", "others change the same object at this moment"],
  413: ["full", "it is larger than the store takes"],
  429: tooMany,
  501: ["bad-config", "the store cannot do that; do sse= and checksums= suit it?"],
  503: tooMany,
  507: full,
}

/**
 * What the SDK says, as an error with a code of ours; a `PspError` stays as it is. Only the store's word for the fault is
 * taken over, and no `cause`: S3 repeats key ids and signed headers, with session tokens among them, in its errors.
 */
export function typedS3Error(error: unknown, doing: string): PspError {
  if (isPspError(error)) return error
  const fault = faultOf(error)
  const [code, why] = meaningOf(fault, error)
  const words = [fault.name, fault.errno, fault.status === 0 ? "" : String(fault.status)]
  const said = words.filter(
    (word) => /^[A-Za-z0-9][\w.]{1,63}$/.test(word) && !/^(?:Error|TypeError|Unknown)$/.test(word),
  )
  const region = code === "bad-config" ? regionOf(fault) : ""
  return new PspError(code, `Cannot ${doing}: ${why}${region}${said.length === 0 ? "" : ` (${said.join(", ")})`}`)
}

/** True when the answer says that there is no object of this name, in a store and bucket that are there. */
export function isNoSuchKey(error: unknown): boolean {
  const { name, status } = faultOf(error)
  return status === 404 && (name === "NoSuchKey" || name === "NoSuchVersion")
}

/** True when the object was there before: the answer to create-if-absent. */
export function isAlreadyThere(error: unknown): boolean {
  return faultOf(error).status === 412
}

/** True when somebody else was at the same object at the same moment. */
export function isConflict(error: unknown): boolean {
  return faultOf(error).status === 409
}

/** True when the store does not know a header, `If-None-Match` perhaps. */
export function isNotImplemented(error: unknown): boolean {
  return faultOf(error).status === 501
}

/** How long the store asks us to wait (ms); null when it does not say. */
export function waitAskedBy(error: unknown): number | null {
  const { "retry-after": seconds = "" } = faultOf(error).headers
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null
}

function meaningOf({ name, status, errno }: Fault, error: unknown): Meaning {
  const known = Object.hasOwn(byName, name) ? byName[name] : undefined
  if (known !== undefined) return known
  if (name.startsWith("KMS.")) return noKey
  if (status >= 500) return byStatus[status] ?? ["unreachable", "the store has a fault of its own"]
  if (status >= 300) return byStatus[status] ?? ["bad-config", "the store does not take the request"]
  if (error instanceof Error && error.message === "Region is missing") {
    return ["bad-config", "no region is set; name it with region=, or in AWS_REGION"]
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/.test(errno)) {
    return ["denied", "the store's certificate is not one that this computer trusts"]
  }
  if (errno === "EPROTO") return ["bad-config", "what answered does not speak TLS; is the endpoint http:?"]
  if (name === "TimeoutError") return ["unreachable", "the store stopped answering"]
  return ["unreachable", "the store cannot be reached, or its answer was cut"]
}

function regionOf({ headers }: Fault): string {
  const { "x-amz-bucket-region": region = "" } = headers
  return /^[a-z0-9-]{1,32}$/.test(region) ? `; it is in ${region}` : ""
}

function faultOf(error: unknown): Fault {
  const { $metadata, $response, name, code } = recordOf(error)
  const { httpStatusCode: status } = recordOf($metadata)
  const headers = Object.entries(recordOf(recordOf($response)["headers"])).flatMap(([key, value]) =>
    typeof value === "string" ? [[key.toLowerCase(), value] as const] : [],
  )
  return {
    name: typeof name === "string" ? name : "",
    status: typeof status === "number" ? status : 0,
    errno: typeof code === "string" ? code : "",
    headers: Object.fromEntries(headers),
  }
}

/** Its fields may be looked at: of an error, name and answer are not enumerable. */
function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}
}
