import { createClient, RESP_TYPES } from "@redis/client"
import { PspError } from "../shared/errors.js"
import type { CallOptions } from "../shared/provider.js"
import { withRetries } from "../shared/providers/retry.js"
import type { RedisSettings } from "./redis-address.js"
import { isReadOnly, typedRedisError } from "./redis-errors.js"

/** The client that we use: strings in replies come as Buffer. */
export type RedisClient = ReturnType<typeof newClient>

export interface RedisCall extends CallOptions {
  /** How many bytes go over the wire, at most: more take longer. */
  bytes?: number
  /** What is called off in the middle must not go on, so the connection goes. For writes. */
  isWrite?: boolean
  /** False to fail at the first fault. */
  again?: boolean
}

export interface RedisConnection {
  /**
   * Does the work on a connection, and again on a new one while what went wrong may pass. An idle connection does not keep
   * the process alive.
   *
   * @throws the codes of every provider, `aborted` as soon as the signal is
   */
  use: <T>(doing: string, work: (client: RedisClient) => Promise<T>, call?: RedisCall) => Promise<T>
  /** A connection for subscriptions, on which `work` was done; its taker closes it, `onEnd` is told when it breaks. */
  takeOwn: (
    doing: string,
    work: (client: RedisClient) => Promise<unknown>,
    onEnd: () => void,
    call?: CallOptions,
  ) => Promise<RedisClient>
  close: () => void
}

/** What an answer may take (ms), and how many bytes per ms a slow network carries. */
const answerWithin = 10_000
const slowest = 2_000
const connectWithin = 5_000

export function createRedisConnection(settings: RedisSettings): RedisConnection {
  let current: { client: RedisClient; ready: Promise<unknown>; users: number } | null = null
  const taken = new Set<RedisClient>()
  let isClosed = false

  function open(): NonNullable<typeof current> {
    refuseClosed()
    if (current?.client.isOpen === true) return current
    const client = newClient(settings)
    current = { client, ready: client.connect(), users: 0 }
    return current
  }

  function refuseClosed(): void {
    if (isClosed) throw new PspError("aborted", "Cannot use the store: it was closed")
  }

  function drop(client: RedisClient): void {
    client.destroy()
    if (current?.client === client) current = null
  }

  async function attempt<T>(
    doing: string,
    work: (client: RedisClient) => Promise<T>,
    called: AbortSignal,
    { bytes = 0, isWrite = false }: RedisCall,
  ): Promise<T> {
    const late = AbortSignal.timeout(answerWithin + Math.ceil(bytes / slowest))
    const connection = open()
    const { client } = connection
    if (connection.users++ === 0) client.ref()
    try {
      return await unlessCalledOff(
        AbortSignal.any([called, late]),
        connection.ready.then(() => work(client)),
      )
    } catch (error) {
      const isUnanswered = late.aborted || (isWrite && called.aborted)
      if (isUnanswered || isReadOnly(error) || !client.isOpen) drop(client)
      throw typedRedisError(error, doing)
    } finally {
      if (--connection.users === 0) client.unref()
    }
  }

  return {
    use: (doing, work, call = {}) =>
      withRetries(doing, (signal) => attempt(doing, work, signal, call), {
        ...(call.signal === undefined ? {} : { signal: call.signal }),
        ...(call.again === false ? { isTransient: () => false } : {}),
      }),

    takeOwn: (doing, work, onEnd, call = {}) =>
      withRetries(
        doing,
        async (signal) => {
          refuseClosed()
          const client = newClient(settings)
          taken.add(client)
          for (const end of ["end", "terminated"]) {
            client.once(end, () => {
              taken.delete(client)
              onEnd()
            })
          }
          try {
            const late = AbortSignal.any([signal, AbortSignal.timeout(answerWithin)])
            await unlessCalledOff(
              late,
              client.connect().then(() => work(client)),
            )
            return client
          } catch (error) {
            client.destroy()
            throw typedRedisError(error, doing)
          }
        },
        call,
      ),

    close() {
      isClosed = true
      if (current !== null) drop(current.client)
      for (const client of taken) client.destroy()
    },
  }
}

/**
 * One connection. It never connects again by itself (`withRetries` decides that), never queues while it is away, and
 * speaks RESP 2, which every server and proxy knows.
 */
function newClient({ hostname, port, tls, username, password, database }: RedisSettings) {
  const socket = { host: hostname, port, connectTimeout: connectWithin, reconnectStrategy: false } as const
  const client = createClient({
    RESP: 2,
    maintNotifications: "disabled",
    disableOfflineQueue: true,
    disableClientInfo: true,
    // The library would count from when a command waits, whatever its size.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    socket: tls === null ? socket : { ...socket, tls: true, ...(tls.ca === null ? {} : { ca: tls.ca }) },
    database,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
  })
  // Without a listener a broken connection ends the process; whoever waits for an answer is told anyway.
  client.on("error", () => undefined)
  return client
}

/** The work's result, unless the signal comes first: then its reason, and the work is left to itself. */
function unlessCalledOff<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      const { reason } = signal as { reason: unknown }
      reject(reason instanceof Error ? reason : new Error("called off"))
    }
    if (signal.aborted) stop()
    signal.addEventListener("abort", stop)
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", stop)
    })
  })
}
