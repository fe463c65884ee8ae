import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type GetObjectCommandOutput,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type PutObjectCommandInput,
  type S3Client,
} from "@aws-sdk/client-s3"
import { equalBytes, hex, randomBytes, utf8 } from "../bytes.js"
import { PspError } from "../errors.js"
import { notCreateOnly } from "../not-create-only.js"
import {
  isObjectName,
  isObjectPrefix,
  maxObjectBytes,
  type CallOptions,
  type Provider,
  type StoredObject,
  type StoreWarning,
} from "../provider.js"
import { withRetries } from "./retry.js"
import { checkedS3Location } from "./s3-address.js"
import { readS3Body } from "./s3-body.js"
import { encryptionInput, openS3Client, orAborted, type S3Options } from "./s3-client.js"
import { isAlreadyThere, isConflict, isNoSuchKey, isNotImplemented, typedS3Error, waitAskedBy } from "./s3-errors.js"

export { parseS3Address, type S3Encryption, type S3Location } from "./s3-address.js"
export type { S3Credentials, S3Options } from "./s3-client.js"

interface WebBody {
  transformToWebStream(): ReadableStream<Uint8Array>
}

type Page = Pick<ListObjectsV2CommandInput, "Prefix" | "ContinuationToken" | "MaxKeys">

/**
 * A bucket of Amazon S3, or of a server that speaks the same, as a store. An object is the key `<prefix>/<name>`.
 *
 * A put is one request, create-if-absent (`If-None-Match: *`). A store that ignores the condition replaces what is there;
 * one that refuses it is looked at before each put instead. The vault's names end in the digest of the bytes, so that
 * both are harmless to it, and `warnings` tells of both.
 *
 * Tries again by `withRetries` and never by the SDK (`maxAttempts: 1`): the SDK's own end with the headers of an answer,
 * and the body of an object is most of it; one place keeps the limits of all stores.
 *
 * Beside the errors of every provider it throws `bad-config` for a bucket, region or endpoint that cannot be used (a
 * missing bucket never looks like missing objects), `bad-message` for what is no object name, `too-large`.
 */
export function createS3Provider(options: S3Options): Provider {
  const { bucket: Bucket, prefix, endpoint, encryption } = checkedS3Location(options)
  const base = prefix === undefined ? "" : `${prefix}/`
  let opening: Promise<S3Client> | null = null
  let takesCondition = true

  function open(): Promise<S3Client> {
    opening ??= openS3Client(options).catch((error: unknown) => {
      opening = null
      throw error
    })
    return opening
  }

  async function store(client: S3Client, name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (!takesCondition) {
      await storeAfterLook(client, name, bytes, signal)
      return
    }
    try {
      await create(client, base + name, bytes, signal)
    } catch (error) {
      if (isAlreadyThere(error)) {
        if (await isStored(client, name, bytes, signal)) return
        throw new PspError("unreachable", `Cannot store ${name}: it comes and goes while it is being stored`)
      }
      if (!isNotImplemented(error)) throw error
      await storeAfterLook(client, name, bytes, signal)
      // Only now is it known that the condition was what it refused.
      takesCondition = false
    }
  }

  /** Who comes between the look and the put writes the same bytes: the vault's names end in their digest. */
  async function storeAfterLook(client: S3Client, name: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (!(await isStored(client, name, bytes, signal))) await create(client, base + name, bytes, signal, {})
  }

  async function create(
    client: S3Client,
    Key: string,
    bytes: Uint8Array,
    signal: AbortSignal,
    condition: Pick<PutObjectCommandInput, "IfNoneMatch"> = { IfNoneMatch: "*" },
  ): Promise<void> {
    const command = new PutObjectCommand({ Bucket, Key, Body: bytes, ...condition, ...encryptionInput(encryption) })
    const { ETag } = await orAborted(client.send(command, { abortSignal: signal }), signal)
    if (ETag === undefined) throw noStore(`store ${Key}`)
  }

  /** True when the object is there with these bytes. @throws `corrupt` when it is there with others */
  async function isStored(client: S3Client, name: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const stored = await read(client, base + name, signal)
    if (stored === null) return false
    if (equalBytes(stored, bytes)) return true
    throw new PspError("corrupt", `Cannot store ${name}: the store holds other bytes under this name`)
  }

  async function read(client: S3Client, Key: string, signal: AbortSignal): Promise<Uint8Array | null> {
    const command = new GetObjectCommand({ Bucket, Key })
    let answer: GetObjectCommandOutput
    try {
      answer = await orAborted(client.send(command, { abortSignal: signal }), signal)
    } catch (error) {
      if (isNoSuchKey(error)) return null
      throw error
    }
    // The SDK's type of a body leans on Node's streams, which are not known here; this much of it is there everywhere.
    const { Body, ContentLength: length } = answer as { Body?: WebBody; ContentLength?: number }
    if (Body === undefined) throw noStore(`read ${Key}`)
    return readS3Body({ stream: Body.transformToWebStream(), length }, `read ${Key}`)
  }

  async function page(client: S3Client, start: Page, signal: AbortSignal): Promise<ListObjectsV2CommandOutput> {
    const command = new ListObjectsV2Command({ Bucket, EncodingType: "url", ...start })
    const answer = await orAborted(client.send(command, { abortSignal: signal }), signal)
    // Without this, a page that some gateway answers instead of the store would be an empty store.
    if (answer.Name === undefined) throw noStore("list")
    return answer
  }

  async function* list(prefix: string, options: CallOptions | undefined): AsyncIterable<StoredObject> {
    let last = ""
    let start: Page = { Prefix: base + prefix }
    for (;;) {
      const answer = await call("list", options, (client, signal) => page(client, start, signal))
      for (const { Key = "", Size = 0 } of answer.Contents ?? []) {
        const key = answer.EncodingType === "url" ? decoded(Key) : Key
        const name = key.slice(base.length)
        if (!key.startsWith(base + prefix) || !isObjectName(name)) continue
        if (name <= last) throw new PspError("corrupt", "Cannot list: the store lists its objects in no order")
        if (options?.signal?.aborted === true) throw new PspError("aborted", "Cannot list: it was called off")
        last = name
        yield { name, size: Size }
      }
      const { IsTruncated, NextContinuationToken: ContinuationToken } = answer
      if (IsTruncated !== true) return
      if (ContinuationToken === undefined) throw noStore("list")
      start = { Prefix: base + prefix, ContinuationToken }
    }
  }

  async function remove(client: S3Client, Key: string, signal: AbortSignal): Promise<void> {
    try {
      await orAborted(client.send(new DeleteObjectCommand({ Bucket, Key }), { abortSignal: signal }), signal)
    } catch (error) {
      if (!isNoSuchKey(error)) throw error
    }
  }

  /** Puts other bytes under one key, several at once and once more; one that keeps the condition takes exactly one of them. */
  async function isCreateOnly(client: S3Client, signal: AbortSignal): Promise<boolean> {
    const Key = `${base}.probe/${hex(randomBytes(16))}`
    const attempt = (text: string) =>
      create(client, Key, utf8(text), signal).then(
        () => "created",
        (error: unknown) => {
          if (isNotImplemented(error)) return "refused"
          if (isAlreadyThere(error) || isConflict(error)) return "there"
          throw error
        },
      )
    try {
      const outcomes = await Promise.all(["1", "2", "3", "4"].map(attempt))
      outcomes.push(await attempt("5"))
      return !outcomes.includes("refused") && outcomes.filter((outcome) => outcome === "created").length === 1
    } finally {
      await remove(client, Key, signal)
    }
  }

  /** Does the work, again while its fault passes, and turns what the SDK says into an error with a code. */
  async function call<T>(
    doing: string,
    options: CallOptions | undefined,
    work: (client: S3Client, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const isTransient = (error: unknown) => ["unreachable", "rate-limited"].includes(typedS3Error(error, doing).code)
    try {
      return await withRetries(doing, async (signal) => work(await open(), signal), {
        ...options,
        isTransient,
        askedWait: waitAskedBy,
      })
    } catch (error) {
      throw typedS3Error(error, doing)
    }
  }

  return {
    put: async (name, bytes, options) => {
      checkName("store", isObjectName(name))
      if (bytes.length > maxObjectBytes) {
        throw new PspError("too-large", `Cannot store ${name}: ${bytes.length} bytes are more than an object can have`)
      }
      await call(`store ${name}`, options, (client, signal) => store(client, name, bytes, signal))
    },
    get: async (name, options) => {
      checkName("read", isObjectName(name))
      return call(`read ${name}`, options, (client, signal) => read(client, base + name, signal))
    },
    async *list(prefix, options) {
      checkName("list", isObjectPrefix(prefix))
      yield* list(prefix, options)
    },
    remove: async (name, options) => {
      checkName("remove", isObjectName(name))
      await call(`remove ${name}`, options, (client, signal) => remove(client, base + name, signal))
    },
    // A list and not HeadBucket, whose refusals have no words.
    check: (options) =>
      call("use the bucket", options, async (client, signal) => {
        await page(client, { Prefix: base, MaxKeys: 1 }, signal)
      }),
    warnings: async (options) => {
      const keepsCondition = await call("try the store", options, isCreateOnly)
      return [...(keepsCondition ? [] : [replaces]), ...(isOpenToAll(endpoint) ? [plainHttp] : [])]
    },
    close: async () => {
      const client = await opening?.catch(() => null)
      client?.destroy()
      opening = null
    },
  }
}

const replaces = notCreateOnly("This store does not keep to create-if-absent (If-None-Match: *)")

const plainHttp: StoreWarning = {
  code: "plain-http",
  message:
    "The connection to this store is not encrypted: others on the way see the names of objects and credentials that expire, and can withhold what is sealed; use an https: endpoint",
}

function isOpenToAll(endpoint = ""): boolean {
  return endpoint.startsWith("http:") && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(endpoint).hostname)
}

/** Keys of others may hold anything, which only this encoding gets through XML. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "))
  } catch {
    return key
  }
}

function checkName(doing: string, isGood: boolean): void {
  if (!isGood) throw new PspError("bad-message", `Cannot ${doing} an object: expected the name of one`)
}

function noStore(doing: string): PspError {
  return new PspError("bad-config", `Cannot ${doing}: what answered is no S3 store; is the endpoint right?`)
}
