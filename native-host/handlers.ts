import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { utf8 } from "../shared/bytes.js"
import { isPspError, PspError, toPspError } from "../shared/errors.js"
import {
  isCardText,
  protocolVersion,
  type Answer,
  type Hello,
  type Request,
  type RequestType,
  type StoreState,
} from "../shared/protocol.js"
import type { Provider, StoredObject } from "../shared/provider.js"
import { isVaultName, isVaultPrefix } from "../shared/object-names.js"
import { version } from "../shared/version.js"
import { createCurrentStore } from "./current-store.js"
import { openStore, storeAddress, storeKind } from "./stores.js"

/**
 * One function for each request. The host is blind: it moves sealed bytes under opaque names, reads the public card and
 * never opens the identity. Nothing in a message becomes a path but names that a vault gives its objects: a page of the
 * extension that somebody took over reaches nothing else, whatever folder the store is.
 */
export type Handlers = {
  [K in RequestType]: (request: Extract<Request, { type: K }>, call: Call) => Promise<Reply<K>>
}

export interface Call {
  body: Uint8Array
  signal: AbortSignal
}

export interface Reply<K extends RequestType = RequestType> {
  answer: Answer<K>
  body?: Uint8Array
}

/** `<clock>-<writer id>-<digest>.psp`, the only names that the vault writes. */
const envelopeName = /(?:^|\/)[0-9a-f]{16}-[0-9a-f]{32}-([0-9a-f]{32})\.psp$/

/** The handlers of the machine whose things lie in `home`. The store is opened by the first request that needs it. */
export function createHandlers(
  home: string,
  env: Record<string, string | undefined> = process.env,
  open: (address: string) => Promise<Provider> = (address) => openStore(address, env, home),
): Handlers {
  const store = createCurrentStore(() => storeAddress(home, env), open)

  async function stateOfStore(signal: AbortSignal): Promise<StoreState> {
    let kind = "unknown"
    try {
      kind = storeKind(await storeAddress(home, env))
      return await store.use(async (provider) => {
        await provider.check?.({ signal })
        const { maxObjectBytes } = provider
        return { kind, ok: true, ...(maxObjectBytes === undefined ? {} : { maxObjectBytes }) }
      })
    } catch (error) {
      const { code, message } = toPspError(error, "Looking at the store")
      return { kind, ok: false, code, message }
    }
  }

  return {
    async hello(_request, { signal }) {
      const [computer, state] = await Promise.all([readComputer(home), stateOfStore(signal)])
      return { answer: { protocol: protocolVersion, version, computer, store: state } }
    },

    async put({ name, expiresAt }, { body, signal }) {
      checkName("store", isVaultName(name))
      await checkDigest(name, body)
      const options = { signal, ...(expiresAt === undefined ? {} : { expiresAt }) }
      await store.use((provider) => provider.put(name, body, options))
      return { answer: {} }
    },

    async get({ name }, { signal }) {
      checkName("read", isVaultName(name))
      const bytes = await store.use((provider) => provider.get(name, { signal }))
      return bytes === null ? { answer: { found: false } } : { answer: { found: true }, body: bytes }
    },

    async list({ prefix }, { signal }) {
      checkName("list", isVaultPrefix(prefix))
      const objects: StoredObject[] = []
      await store.use(async (provider) => {
        for await (const { name, size } of provider.list(prefix, { signal })) objects.push({ name, size })
      })
      return { answer: {}, body: utf8(JSON.stringify(objects)) }
    },

    async remove({ name }, { signal }) {
      checkName("remove", isVaultName(name))
      await store.use((provider) => provider.remove(name, { signal }))
      return { answer: {} }
    },

    async watch({ prefix, known }, { signal }) {
      checkName("watch", isVaultPrefix(prefix))
      const { awaitChange } = await import("./await-change.js")
      return { answer: { names: await store.use((provider) => awaitChange(provider, prefix, known, { signal })) } }
    },

    async offer({ card }) {
      const { saveOffer } = await import("./offers.js")
      await saveOffer(home, card)
      return { answer: {} }
    },

    async store() {
      const { storeFacts } = await import("./store-facts.js")
      return { answer: await storeFacts(home, env) }
    },

    async credentials({ address }) {
      const { checkOffered } = await import("./offered-store.js")
      const { credentialFacts } = await import("./store-facts.js")
      checkOffered(address)
      return { answer: { credentials: await credentialFacts(home, env, address) } }
    },

    async "set-store"({ address }, { signal }) {
      const { setOfferedStore } = await import("./offered-store.js")
      const answer = await setOfferedStore(home, env, address, { signal })
      await store.letGo()
      return { answer }
    },
  }
}

function checkName(doing: string, isGood: boolean): void {
  if (isGood) return
  throw new PspError("bad-message", `Cannot ${doing} an object: expected a name that a vault gives one`)
}

/** What was cut short or mixed up on its way is refused here, and still waits in the sender's outbox. */
async function checkDigest(name: string, bytes: Uint8Array): Promise<void> {
  const expected = envelopeName.exec(name)?.[1]
  if (expected === undefined) {
    throw new PspError("bad-message", "Cannot store an object: expected a name that ends in the digest of the object")
  }
  const { createHash } = await import("node:crypto")
  if (createHash("sha256").update(bytes).digest("hex").slice(0, 32) !== expected) {
    throw new PspError("bad-message", `Cannot store ${name}: the bytes that came do not have the digest in its name`)
  }
}

/** The beginning of the digest in the name of an envelope, enough to find it by; null for everything else. */
export function digestIn(name: unknown): string | null {
  return typeof name === "string" ? (envelopeName.exec(name)?.[1]?.slice(0, 16) ?? null) : null
}

/** The public card beside the identity; null where there is none to show. */
async function readComputer(home: string): Promise<Hello["computer"]> {
  try {
    const card = (await readFile(join(home, "card"), "utf8")).trim()
    return isCardText(card) ? { card } : null
  } catch (error) {
    if (isPspError(error)) throw error
    return null
  }
}
