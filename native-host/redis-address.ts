import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { PspError } from "../shared/errors.js"

/** Where a Redis server is and how to be let in. */
export interface RedisSettings {
  hostname: string
  port: number
  /** The server's certificate must be of `ca`, else of an authority that this system trusts. */
  tls: { ca: string | null } | null
  username: string | null
  password: string | null
  database: number
  /** In front of every key, so that one database holds many stores. */
  prefix: string
}

export interface RedisOptions {
  /** `redis://user:password@hostname:port/database?prefix=&ca=`; `rediss:` for TLS, `ca` a file of its certificate (PEM). */
  url: string
  /** Over that of the address. */
  prefix?: string
  /** Where the address has none. */
  password?: string
  /** A certificate in PEM, over the file of the address. */
  ca?: string
}

const defaultPort = 6379
const defaultPrefix = "psp"
/** `/` and `#` part the prefix from what is ours; glob characters would mean something to SCAN. */
const prefixPattern = /^[\w:.{}@-]{1,128}$/

/** @throws `bad-config`, in words that hold nothing of the address: it may have a password in it */
export function parseRedisAddress({ url, prefix, password = "", ca }: RedisOptions): RedisSettings {
  const address = parseUrl(url)
  const query = address.searchParams
  const unknown = [...query.keys()].some((key) => key !== "prefix" && key !== "ca")
  if (unknown) throw bad("only ?prefix= and ?ca= may follow it")
  if (address.hostname === "") throw bad("it names no server")
  const isTls = address.protocol === "rediss:"
  const caFile = query.get("ca")
  if (!isTls && (caFile !== null || ca !== undefined)) throw bad("a certificate is for rediss: only")
  const chosen = prefix ?? query.get("prefix") ?? defaultPrefix
  if (!prefixPattern.test(chosen)) throw bad("its prefix may have letters, digits and _ : . { } @ -, 1 to 128 of them")
  return {
    hostname: address.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: address.port === "" ? defaultPort : Number(address.port),
    tls: isTls ? { ca: ca ?? (caFile === null ? null : readCertificate(caFile)) } : null,
    username: decoded(address.username),
    password: decoded(address.password) ?? (password === "" ? null : password),
    database: parseDatabase(address.pathname),
    prefix: chosen,
  }
}

function parseUrl(url: string): URL {
  // The error of `new URL` carries the whole address.
  const address = URL.canParse(url) ? new URL(url) : null
  if (address === null || !["redis:", "rediss:"].includes(address.protocol)) {
    throw bad("expected redis://user:password@hostname:port/database?prefix=, or rediss: for TLS")
  }
  return address
}

function parseDatabase(path: string): number {
  const [, digits] = /^\/?(\d{0,5})$/.exec(path) ?? []
  if (digits === undefined) throw bad("after the slash comes the number of a database")
  return Number(digits)
}

function decoded(part: string): string | null {
  if (part === "") return null
  try {
    return decodeURIComponent(part)
  } catch {
    throw bad("a % in its user or password is not followed by two hex digits; write %25 for a % itself")
  }
}

/** Bytes; a bundle of all that a system trusts has 200 KiB. */
const maxCertificate = 1024 * 1024

/** Does not wait for the other end of a pipe (Windows has no such flag, and none such pipe), nor read what never ends. */
function readCertificate(path: string): string {
  let file: number | null = null
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const buffer = Buffer.alloc(maxCertificate + 1)
    const length = fstatSync(file).isFile() ? readSync(file, buffer, 0, buffer.length, 0) : 0
    if (length > 0 && length <= maxCertificate) return buffer.toString("utf8", 0, length)
  } catch {
    throw bad("the file that ?ca= names cannot be read")
  } finally {
    if (file !== null) closeSync(file)
  }
  throw bad("what ?ca= names is no certificate: expected a file of at most 1 MiB")
}

function bad(why: string): PspError {
  return new PspError("bad-config", `Cannot use the address of a Redis store: ${why}`)
}
