import { browser } from "wxt/browser"
import { errorCodeOf, PspError, toPspError } from "../shared/errors.js"
import { maxCheckLengths, type LoginCheck } from "../shared/login-check.js"
import { kinds, type Gap } from "../shared/report.js"
import type { SessionEntry } from "../shared/vault.js"
import { isAddressText, type CredentialFact } from "../shared/store-facts.js"
import type { HealthFacts } from "./health.js"
import type { LostSave } from "./lost-saves.js"
import type { Waiting } from "./outbox.js"
import { isOwnPage, type Sender } from "./own-page.js"
import type { RestorePlan } from "./restore-here.js"
import type { SaveIntent } from "./save-state.js"
import type { StoreView } from "./store-choice.js"
import type { EndedSync } from "./sync-ended.js"
import type { SyncMode, SyncSetting, Tick } from "./sync-settings.js"
import type { Trust } from "./trust.js"

/** What pages of the extension ask of its background, and what it answers. */
export interface Messages {
  save: { ask: { intent: SaveIntent }; answer: null }
  /** The browser's question was answered. */
  permission: { ask: { granted: boolean }; answer: null }
  /** Calls off a save that is still reading. */
  cancel: { ask: object; answer: null }
  /** Looks after what was left: a save in the middle, a full outbox. */
  wake: { ask: object; answer: null }
  computer: { ask: object; answer: Computer }
  trust: { ask: { fingerprint: string }; answer: Trust }
  /** Sessions of one site, or with null of all of them. */
  sessions: { ask: { site: string | null }; answer: Sessions }
  /** A page unlocked this browser: what waited for it goes on. */
  unlocked: { ask: object; answer: null }
  /** Tells the person of what happens in the access history from now on, or no longer. */
  tell: { ask: { isOn: boolean }; answer: null }
  waiting: { ask: object; answer: Waiting[] }
  /** Saves that the browser lost, until they are dismissed. */
  lost: { ask: object; answer: LostSave[] }
  dismissLost: { ask: { id: string }; answer: null }
  /** The store of this computer. */
  store: { ask: object; answer: StoreView }
  /** Names of what a store of this address can be given. */
  credentials: { ask: { address: string }; answer: CredentialFact[] }
  /** Another store, tried first; null: the folder that there is without a choice. */
  setStore: { ask: { address: string | null }; answer: StoreView }
  /** Calls off a trial. */
  cancelStore: { ask: object; answer: null }
  forget: { ask: { site: string; account: string }; answer: { canUndo: boolean } }
  /** Keeps a session in sync from now on, or no longer. */
  sync: { ask: { site: string; account: string; mode: SyncMode | "off"; scope: SyncSetting["scope"] }; answer: null }
  /** What is kept in sync, and how it goes. */
  syncs: { ask: object; answer: SyncSetting[] }
  /** What is known of them besides. */
  health: { ask: object; answer: HealthFacts[] }
  /** What was removed elsewhere while it was kept in sync here, until it is dismissed. */
  syncsEnded: { ask: object; answer: EndedSync[] }
  dismissEnded: { ask: { site: string; account: string }; answer: null }
  /** Looks now, without waiting for anything to change. */
  syncNow: { ask: { site: string; account: string }; answer: null }
  /** Takes over what others changed, as the person saw it. */
  takeIn: { ask: { site: string; account: string; ticks: Tick[] }; answer: null }
  /** Takes back what was taken over last; how many fields are as they were. */
  undoTaken: { ask: { site: string; account: string }; answer: number }
  /** Loads the pages anew whose storage was written. */
  reloadPages: { ask: { site: string; account: string }; answer: null }
  /** What would be replaced. */
  restorePlan: { ask: { site: string; account: string; storeId: string }; answer: RestorePlan }
  /**
   * Replaces what this browser has of the site by what was saved, and of what bots wrote by what the person lets in, as they saw it;
   * with null for a store, in a container of its own.
   */
  restoreHere: {
    ask: { site: string; account: string; storeId: string | null; letIn: Tick[] }
    answer: Gap[]
  }
  /** Brings back what was forgotten last. */
  unforget: { ask: { site: string; account: string }; answer: null }
  /** How being logged in looks, or null for no longer; false: it goes with the next save. */
  remember: { ask: { site: string; account: string; check: LoginCheck | null }; answer: boolean }
  /** The same, with an element that the person now points at in the tab; false: they did not. */
  pick: { ask: { tabId: number; site: string; account: string; check: LoginCheck }; answer: boolean }
}

/** A session as the popup lists it. */
export interface ListedSession extends SessionEntry {
  /** How being logged in looks; null: nobody told, or all sites were asked for. */
  check: LoginCheck | null
}

export interface Sessions {
  entries: ListedSession[]
  /** False while the host is away: then it is the names that this browser remembers, and nothing else is known. */
  isKnown: boolean
}

/** This computer as the host shows it, or why it does not. */
export type Computer =
  | { isThere: true; version: string; trust: Trust; store: { kind: string; ok: boolean; message: string | null } }
  | { isThere: false; code: string; message: string }

export type MessageType = keyof Messages
type Reply<K extends MessageType> = { answer: Messages[K]["answer"] } | { error: { code: string; message: string } }
export type Handlers = { [K in MessageType]: (ask: Messages[K]["ask"]) => Promise<Messages[K]["answer"]> }

/** What may be asked twice: it changes nothing, or nothing more the second time. */
const repeatable = new Set<MessageType>(["wake", "computer", "sessions", "waiting", "syncs", "health", "restorePlan"])

/**
 * Asks the background. The message is posted before this returns, so a click handler may go on to ask for a permission.
 *
 * @throws what the background answered with
 */
export async function ask<K extends MessageType>(type: K, message: Messages[K]["ask"]): Promise<Messages[K]["answer"]> {
  const reply = await postUntilAnswered<K>({ type, ...message }, repeatable.has(type) ? 3 : 1)
  if (reply === undefined) throw new PspError("internal", "Cannot ask the extension's background: it did not answer")
  if ("error" in reply) throw new PspError(errorCodeOf(reply.error.code), reply.error.message)
  return reply.answer
}

/** A background that is stopped answers nothing; asking again starts the next one, or still finds this one going. */
async function postUntilAnswered<K extends MessageType>(message: object, tries: number): Promise<Reply<K> | undefined> {
  try {
    return await browser.runtime.sendMessage(message)
  } catch (error) {
    if (tries === 1) throw error
    return postUntilAnswered<K>(message, tries - 1)
  }
}

/**
 * Answers the extension's own pages, and nobody else: content scripts and other extensions get silence. No message adds a recipient: a
 * session is handed off in the dashboard itself.
 */
export function answerMessages(handlers: Handlers): void {
  // The polyfill's listeners answer with a promise; the types, which are Chrome's, do not know that.
  const answer = (message: unknown, sender: Sender) => {
    if (!isOwnPage(sender)) return undefined
    const type = typeOf(message)
    return type === null ? undefined : answerOne(handlers, type, message)
  }
  browser.runtime.onMessage.addListener(answer as Parameters<typeof browser.runtime.onMessage.addListener>[0])
}

async function answerOne(handlers: Handlers, type: MessageType, message: unknown): Promise<Reply<MessageType>> {
  try {
    // `parse` checked what this handler needs; the union of all handlers hides that from the compiler.
    const handler = handlers[type] as (ask: unknown) => Promise<Messages[MessageType]["answer"]>
    return { answer: await handler(parsers[type](message as Record<string, unknown>)) }
  } catch (error) {
    const { code, message: text } = toPspError(error, "Answering")
    return { error: { code, message: text } }
  }
}

function typeOf(message: unknown): MessageType | null {
  if (typeof message !== "object" || message === null) return null
  const { type } = message as { type?: unknown }
  return typeof type === "string" && Object.hasOwn(parsers, type) ? (type as MessageType) : null
}

type Fields = Record<string, unknown>

const parsers: { [K in MessageType]: (message: Fields) => Messages[K]["ask"] } = {
  save: ({ intent }) => ({ intent: parseIntent(intent) }),
  permission: ({ granted }) => ({ granted: granted === true }),
  cancel: () => ({}),
  wake: () => ({}),
  computer: () => ({}),
  trust: ({ fingerprint }) => ({ fingerprint: textOf(fingerprint, 200) }),
  sessions: ({ site }) => ({ site: site === null ? null : textOf(site, 255) }),
  unlocked: () => ({}),
  tell: ({ isOn }) => ({ isOn: isOn === true }),
  waiting: () => ({}),
  lost: () => ({}),
  dismissLost: ({ id }) => ({ id: textOf(id, 64) }),
  store: () => ({}),
  credentials: ({ address }) => ({ address: addressOf(address) }),
  setStore: ({ address }) => ({ address: address === null ? null : addressOf(address) }),
  cancelStore: () => ({}),
  sync: (message) => ({ ...parseSession(message), mode: modeOf(message["mode"]), scope: parseScope(message["scope"]) }),
  syncs: () => ({}),
  health: () => ({}),
  syncsEnded: () => ({}),
  dismissEnded: parseSession,
  syncNow: parseSession,
  takeIn: (message) => ({ ...parseSession(message), ticks: ticksOf(message["ticks"]) }),
  undoTaken: parseSession,
  reloadPages: parseSession,
  forget: parseSession,
  unforget: parseSession,
  restorePlan: (message) => ({ ...parseSession(message), storeId: textOf(message["storeId"], 200) }),
  restoreHere: (message) => ({
    ...parseSession(message),
    storeId: storeOf(message["storeId"]),
    letIn: ticksOf(message["letIn"]),
  }),
  remember: (message) => ({ ...parseSession(message), check: message["check"] === null ? null : parseCheck(message) }),
  pick: (message) => ({ ...parseSession(message), check: parseCheck(message), tabId: numberOf(message["tabId"]) }),
}

/** Of a field that is asked for. */
export const maxIdLength = 5000

/** More than anybody ticks. */
export const maxTicks = 100

function parseCheck({ check }: Fields): LoginCheck {
  const { url, text, selector } = (check ?? {}) as Fields
  return {
    url: textOf(url, maxCheckLengths.url),
    ...(text === undefined ? {} : { text: textOf(text, maxCheckLengths.text) }),
    ...(selector === undefined ? {} : { selector: textOf(selector, maxCheckLengths.selector) }),
  }
}

function numberOf(value: unknown): number {
  if (typeof value !== "number") throw badMessage()
  return value
}

function parseSession({ site, account }: Fields): { site: string; account: string } {
  return { site: textOf(site, 255), account: textOf(account, 200) }
}

function storeOf(value: unknown): string | null {
  return value === null ? null : textOf(value, 200)
}

function modeOf(value: unknown): SyncMode | "off" {
  if (value !== "off" && value !== "save" && value !== "both") throw badMessage()
  return value
}

function parseScope(value: unknown): SyncSetting["scope"] {
  const { alsoSites, kinds: wanted, withoutOrigins, storeId } = (value ?? {}) as Fields
  if (!Array.isArray(wanted)) throw badMessage()
  return {
    alsoSites: textsOf(alsoSites, 255),
    kinds: kinds.filter((kind) => wanted.includes(kind)),
    withoutOrigins: textsOf(withoutOrigins, 300),
    storeId: textOf(storeId, 200),
  }
}

function parseIntent(value: unknown): SaveIntent {
  const { id, tabId, site, alsoSites, account, kinds: wanted, withoutOrigins, openFirst } = (value ?? {}) as Fields
  if (typeof tabId !== "number" || !Array.isArray(wanted)) throw badMessage()
  return {
    id: textOf(id, 64),
    tabId,
    site: textOf(site, 255),
    alsoSites: textsOf(alsoSites, 255),
    account: textOf(account, 200),
    kinds: kinds.filter((kind) => wanted.includes(kind)),
    withoutOrigins: textsOf(withoutOrigins, 300),
    openFirst: textsOf(openFirst, 300),
  }
}

function textsOf(value: unknown, max: number): string[] {
  if (!Array.isArray(value) || value.length > maxTicks) throw badMessage()
  return value.map((text) => textOf(text, max))
}

function ticksOf(value: unknown): Tick[] {
  if (!Array.isArray(value) || value.length > maxTicks) throw badMessage()
  return value.map((told) => {
    const { id, clock, writer, isDeletion } = (told ?? {}) as Fields
    return {
      id: textOf(id, maxIdLength),
      clock: textOf(clock, 64),
      writer: textOf(writer, 64),
      isDeletion: isDeletion === true,
    }
  })
}

function addressOf(value: unknown): string {
  if (!isAddressText(value)) throw badMessage()
  return value
}

function textOf(value: unknown, max: number): string {
  if (typeof value !== "string" || value.length === 0 || value.length > max) throw badMessage()
  return value
}

function badMessage(): PspError {
  return new PspError(
    "bad-message",
    "Cannot read a message between pages of this extension: a field is not as expected",
  )
}
