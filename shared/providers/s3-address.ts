import { PspError } from "../errors.js"

/** Where an S3 store is. Credentials are never a part of its address. */
export interface S3Location {
  bucket: string
  /** In front of every key, so that one bucket holds many stores; segments of letters, digits, `_`, `.` and `-`. */
  prefix?: string
  /** Of a store that is not Amazon's: `https://s3.example.com`. The default: the AWS tools' own, from the region. */
  endpoint?: string
  /** The default: the AWS tools' (`AWS_REGION`, the profile), else `us-east-1` where there is an endpoint. */
  region?: string
  /** True for `endpoint/bucket/key`, false for `bucket.endpoint/key` (the default). */
  pathStyle?: boolean
  /** How the store encrypts what is sealed already; the default is the bucket's own setting. */
  encryption?: S3Encryption
  /** `when-required` for stores that refuse the checksum headers of today's AWS tools. */
  checksums?: "when-supported" | "when-required"
}

export type S3Encryption = { kind: "AES256" } | { kind: "aws:kms" | "aws:kms:dsse"; keyId?: string }

const parameters = ["endpoint", "region", "pathStyle", "sse", "kmsKey", "checksums"]
const bucketPattern = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i
const prefixPattern = /^[\w.-]{1,128}(?:\/[\w.-]{1,128}){0,7}$/
/** An id, an alias or an ARN of a key. */
const keyPattern = /^[\w:/-]{1,256}$/

/**
 * Reads the address of a store; every part after the bucket is optional:
 *
 *     s3://bucket/prefix?endpoint=https://s3.example.com&region=eu-west-1&pathStyle=1
 *                       &sse=AES256 | sse=aws:kms | sse=aws:kms:dsse &kmsKey=ID   (the ARN of a key, its id or alias)
 *                       &checksums=required | supported
 *
 * @throws `bad-config`, in words that hold nothing of the address: people put passwords in addresses
 */
export function parseS3Address(text: string): S3Location {
  // The error of `new URL` carries the whole address.
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== "s3:" || url.hash !== "") throw bad("expected s3://bucket/prefix?region=&endpoint=&pathStyle=1")
  if (url.username !== "" || url.password !== "") {
    throw bad("credentials do not belong in it; they are taken where the AWS tools take them")
  }
  if (url.port !== "")
    throw bad("after s3:// comes the name of a bucket; a server's name and port belong in ?endpoint=")
  const query = onlyOnce(url.searchParams)
  const [endpoint, region, checksums] = [query.get("endpoint"), query.get("region"), query.get("checksums")]
  const [pathStyle, prefix] = [query.get("pathStyle"), withoutOuterSlashes(url.pathname)]
  const encryption = encryptionOf(query.get("sse"), query.get("kmsKey"))
  return checkedS3Location({
    bucket: url.hostname,
    ...(prefix === "" ? {} : { prefix }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(pathStyle === undefined ? {} : { pathStyle: oneOf(pathStyle, { "1": true, "0": false }, "pathStyle") }),
    ...(encryption === undefined ? {} : { encryption }),
    ...(checksums === undefined
      ? {}
      : { checksums: oneOf(checksums, { required: "when-required", supported: "when-supported" }, "checksums") }),
  })
}

/** The location itself. @throws `bad-config` for one that no store can have */
export function checkedS3Location<T extends S3Location>(location: T): T {
  const { bucket, prefix, endpoint, region } = location
  if (!bucketPattern.test(bucket))
    throw bad("the name of its bucket is none: expected 3 to 63 letters, digits, . and -")
  if (bucket.endsWith("--x-s3")) throw bad("a directory bucket cannot be used: it lists its objects in no order")
  if (prefix !== undefined && (!prefixPattern.test(prefix) || /(?:^|\/)\.\.?(?:\/|$)/.test(prefix))) {
    throw bad("its prefix may have segments of letters, digits, _ . and -, parted by single slashes")
  }
  if (region !== undefined && !/^[a-z0-9-]{1,64}$/i.test(region)) throw bad("its region is none, like eu-west-1")
  if (endpoint !== undefined) checkEndpoint(endpoint)
  return location
}

function checkEndpoint(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    throw bad("its endpoint is no address of a server, like https://s3.example.com")
  }
  if (url.username !== "" || url.password !== "") throw bad("credentials do not belong in its endpoint")
  if (url.search !== "" || url.hash !== "")
    throw bad("its endpoint has a ? or # in it; expected a server, at most a path")
}

function encryptionOf(kind: string | undefined, keyId: string | undefined): S3Encryption | undefined {
  if (keyId !== undefined && !kind?.startsWith("aws:kms")) throw bad("kmsKey goes with sse=aws:kms only")
  if (kind === undefined) return undefined
  if (kind === "AES256") return { kind }
  if (kind !== "aws:kms" && kind !== "aws:kms:dsse") throw bad("sse is one of AES256, aws:kms, aws:kms:dsse")
  if (keyId === undefined) return { kind }
  if (!keyPattern.test(keyId)) throw bad("kmsKey is the id, the alias or the ARN of a key")
  return { kind, keyId }
}

function onlyOnce(query: URLSearchParams): Map<string, string> {
  const entries = [...query]
  const known = entries.every(([name]) => parameters.includes(name))
  if (!known) throw bad(`after the ? only these are known: ${parameters.join(", ")}`)
  const found = new Map(entries)
  if (found.size !== entries.length) throw bad("a parameter is in it twice")
  if (entries.some(([, value]) => value === "")) throw bad("a parameter has no value; leave it out")
  return found
}

function oneOf<T>(value: string, choices: Record<string, T>, name: string): T {
  const choice = Object.hasOwn(choices, value) ? choices[value] : undefined
  if (choice === undefined) throw bad(`${name} is one of ${Object.keys(choices).join(", ")}`)
  return choice
}

function withoutOuterSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, "")
}

function bad(why: string): PspError {
  return new PspError("bad-config", `Cannot use the address of an S3 store: ${why}`)
}
