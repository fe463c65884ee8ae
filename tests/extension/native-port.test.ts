import { readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { connect, type Connection, type ConnectOptions } from "../../extension/native-port.js"
import { createPortProvider } from "../../extension/port-provider.js"
import { createConversation } from "../../native-host/conversation.js"
import { createHandlers } from "../../native-host/handlers.js"
import { utf8 } from "../../shared/bytes.js"
import { isPspError, type PspError } from "../../shared/errors.js"
import { createCard, createIdentity } from "../../shared/keys.js"
import type { Frame, Head } from "../../shared/protocol.js"
import type { Provider, PutOptions } from "../../shared/provider.js"
import { createMemoryProvider } from "../../shared/providers/memory.js"
import { describeProvider, folderOf, testObject, vaultOf } from "../contracts/provider-contract.js"
import { temporaryFolder } from "../native-host/bundle.js"
import { createFakePort, type FakePort } from "./fake-port.js"

let home: string

beforeEach(async () => {
  home = await temporaryFolder()
})
afterEach(async () => {
  await rm(home, { recursive: true, force: true })
})

/** A port to the real handlers, over the real frames, without a process between. */
function portToHost(env: Record<string, string> = {}): FakePort {
  const port = createFakePort((message) => conversation.receive(message))
  const post = (frame: Frame) => port.say(JSON.parse(JSON.stringify(frame)))
  const conversation = createConversation(createHandlers(home, env), post)
  return port
}

/** A port to the real handlers over a store of ours. */
function portToStore(store: Provider): FakePort {
  const port = createFakePort((message) => conversation.receive(message))
  const post = (frame: Frame) => port.say(JSON.parse(JSON.stringify(frame)))
  const conversation = createConversation(
    createHandlers(home, { PSP_STORE: "memory:" }, async () => store),
    post,
  )
  return port
}

function connectTo(port: FakePort, options: ConnectOptions = {}): Promise<Connection> {
  return connect({ connectNative: () => port, lastError: () => undefined, ...options })
}

const hello = {
  protocol: 1,
  version: "0.1.0",
  computer: null,
  store: { kind: "file", ok: true },
}

/** A port to a host that says hello and then does what the test says. */
function portToScript(
  onRequest: (frame: Record<string, unknown>, port: FakePort) => void,
  head: Head = hello,
): FakePort {
  return createFakePort((message, port) => {
    const frame = message as Record<string, unknown>
    if (!("seq" in frame)) return
    port.say({ id: frame["id"], ack: frame["seq"] })
    if (frame["id"] === 1) port.say({ id: 1, seq: 0, last: true, head, data: "" })
    else onRequest(frame, port)
  })
}

async function faultOf(promise: Promise<unknown>): Promise<PspError> {
  try {
    await promise
  } catch (error) {
    if (isPspError(error)) return error
    throw error
  }
  throw new Error("expected a PspError, got a result")
}

describeProvider("port provider over the real handlers", {
  takesAnyName: false,
  create: async () => {
    const folder = await temporaryFolder()
    const connection = await connectTo(portToHost({ PSP_STORE: pathToFileURL(join(folder, "vault")).href }))
    return {
      provider: createPortProvider(connection),
      dispose: async () => {
        connection.close()
        await rm(folder, { recursive: true })
      },
    }
  },
})

describe("native port", () => {
  it("says hello: versions, the computer's card and the state of its store", async () => {
    const first = await connectTo(portToHost())
    expect(first.hello).toEqual(hello)
    const card = await createCard(await createIdentity("Desk"))
    await writeFile(join(home, "card"), `${card}\n`)
    const second = await connectTo(portToHost())
    expect(second.hello.computer).toEqual({ card })
  })

  it("learns from hello how large an object may be, and tells the store when it may let go of one", async () => {
    const puts: [number, PutOptions | undefined][] = []
    const memory = createMemoryProvider()
    const store: Provider = {
      ...memory,
      maxObjectBytes: 50_000,
      put: async (name, bytes, options) => {
        puts.push([bytes.length, options])
        await memory.put(name, bytes, options)
      },
    }
    const provider = createPortProvider(await connectTo(portToStore(store)))
    expect(provider.maxObjectBytes).toBe(50_000)
    const { name, bytes } = testObject(folderOf())
    await provider.put(name, bytes, { expiresAt: 1_800_000_000_000 })
    await provider.put(testObject(folderOf("s", "w")).name, testObject(folderOf("s", "w")).bytes)
    expect(puts.map(([, options]) => options?.expiresAt)).toEqual([1_800_000_000_000, undefined])
  })

  it("learns from hello why the store cannot be used, in a code and a sentence", async () => {
    const { hello } = await connectTo(portToHost({ PSP_STORE: "gopher://example" }))
    expect(hello.store).toMatchObject({ kind: "gopher", ok: false, code: "bad-config" })
    expect(hello.store.message).toContain("file:///absolute/folder or memory:")
    await writeFile(join(home, "vault"), "")
    const connection = await connectTo(portToHost())
    expect(connection.hello.store).toMatchObject({ kind: "file", ok: false, code: "bad-config" })
    await expect(createPortProvider(connection).check?.()).rejects.toMatchObject({ code: "bad-config" })
  })

  it("hands its card to the computer, once however often it is offered", async () => {
    const { request } = await connectTo(portToHost())
    const card = await createCard(await createIdentity("Laptop"))
    await request("offer", { card })
    await request("offer", { card })
    expect(await readdir(join(home, "offers"))).toHaveLength(1)
    const damaged = card.slice(0, -1) + (card.endsWith("q") ? "p" : "q")
    await expect(request("offer", { card: damaged })).rejects.toMatchObject({ code: "bad-card" })
    await expect(request("offer", { card: "psp1../../x" })).rejects.toMatchObject({ code: "bad-message" })
  })

  it("closes the port when it is closed, and refuses what is asked after that", async () => {
    const port = portToHost()
    const connection = await connectTo(port)
    connection.close()
    expect(port.isOpen).toBe(false)
    await expect(connection.request("list", { prefix: "" })).rejects.toMatchObject({ code: "aborted" })
  })

  it.each([
    ["Specified native messaging host not found.", "host-missing", "psp install"],
    ["Access to the specified native messaging host is forbidden.", "host-forbidden", "psp install"],
    ["Native host has exited.", "host-crashed", "psp doctor"],
    ["Failed to start native messaging host.", "host-crashed", "psp doctor"],
    // What Chrome says of a host that ends before our hello is written: a race that "has exited" wins most of the time.
    ["Error when communicating with the native messaging host.", "host-crashed", "stopped or does not answer"],
    [undefined, "host-crashed", "psp doctor"],
  ])("tells Chrome's %j as `%s` and what to run", async (reason, code, fix) => {
    const port = createFakePort((_message, port) => port.drop())
    const error = await faultOf(connectTo(port, { lastError: () => reason }))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(/^Cannot reach this computer: /)
    expect(error.message).toContain(fix)
    expect(error.message).not.toContain("\n")
  })

  it.each([
    ["No such native application org.persistent_sessions.host", "host-missing"],
    ["An unexpected error occurred", "host-crashed"],
    [
      "Native application tried to send a message of 2097152 bytes, which exceeds the limit of 1048576 bytes.",
      "host-garbled",
    ],
  ])("tells Firefox's %j as `%s`", async (reason, code) => {
    const port = createFakePort((_message, port) => port.drop({ firefox: reason }))
    expect((await faultOf(connectTo(port))).code).toBe(code)
    const throwing = () => {
      throw new Error(reason)
    }
    expect((await faultOf(connect({ connectNative: throwing }))).code).toBe(code)
  })

  it.each([
    [0, "host-too-old", "npm install --global persistent-sessions@latest"],
    [2, "host-too-new", "update the extension"],
  ])("refuses a host of protocol %i as `%s`, names both versions and closes the port", async (protocol, code, fix) => {
    const port = portToScript(() => undefined, { ...hello, protocol, version: "9.8.7", surprise: { deep: [1] } })
    const error = await faultOf(connectTo(port))
    expect(error.code).toBe(code)
    expect(error.message).toContain(fix)
    expect(error.message).toContain("psp 9.8.7, extension 0.1.0")
    expect(port.isOpen).toBe(false)
  })

  it.each([
    ["no frame", "hi"],
    ["an unknown frame", { id: 1, hi: true }],
    ["a reply without a head", { id: 1, seq: 0, last: true, data: "" }],
    ["a reply in the middle", { id: 1, seq: 3, last: true, data: "" }],
    ["an ack of nothing", { id: 1, ack: 7 }],
    ["a hello of another form", { id: 1, seq: 0, last: true, head: { hello: true }, data: "" }],
    [
      "a hello with a card that is none",
      { id: 1, seq: 0, last: true, head: { ...hello, computer: { card: "x" } }, data: "" },
    ],
  ])("calls a host that says %s garbled, and closes the port", async (_title, message) => {
    const port = createFakePort((posted, port) => {
      if ("seq" in (posted as object)) port.say(message)
    })
    expect((await faultOf(connectTo(port))).code).toBe("host-garbled")
    expect(port.isOpen).toBe(false)
  })

  it("does not wait for ever for a host that is silent, before and after hello", async () => {
    const silent = createFakePort()
    expect((await faultOf(connectTo(silent, { helloTimeout: 20 }))).code).toBe("host-crashed")
    expect(silent.isOpen).toBe(false)
    const port = portToScript(() => undefined)
    const { request } = await connectTo(port, { answerTimeout: 20 })
    expect((await faultOf(request("list", { prefix: "" }))).code).toBe("host-crashed")
    expect(port.isOpen).toBe(false)
  })

  it("tells what broke when the host goes away in the middle, to everybody who waits", async () => {
    const { request } = await connectTo(
      portToScript((_frame, port) => port.drop()),
      {
        lastError: () => "Native host has exited.",
      },
    )
    const codes = await Promise.all([1, 2, 3].map(async () => (await faultOf(request("list", { prefix: "" }))).code))
    expect(codes).toEqual(["host-crashed", "host-crashed", "host-crashed"])
  })

  it("gives up one request when it is called off, and goes on with the others", async () => {
    const port = portToScript((frame, port) => {
      if (frame["id"] === 3) port.say({ id: 3, seq: 0, last: true, head: {}, data: "[]" })
    })
    const { request } = await connectTo(port)
    const controller = new AbortController()
    const given = request("get", { name: testObject(folderOf()).name }, { signal: controller.signal })
    const kept = request("list", { prefix: "" })
    controller.abort()
    await expect(given).rejects.toMatchObject({ code: "aborted" })
    expect((await kept).body).toEqual(utf8("[]"))
    expect(port.posted).toContainEqual({ id: 2, abort: expect.objectContaining({ code: "aborted" }) as unknown })
  })

  it("passes on the host's own errors with their code, and one it does not know as `internal`", async () => {
    const heads = [
      { code: "full", message: "The disk is full" },
      { code: "brand-new", message: "?" },
    ]
    const port = portToScript((frame, port) =>
      port.say({ id: frame["id"], seq: 0, last: true, head: { error: heads[Number(frame["id"]) - 2] }, data: "" }),
    )
    const { request } = await connectTo(port)
    expect(await faultOf(request("list", { prefix: "" }))).toMatchObject({ code: "full", message: "The disk is full" })
    expect((await faultOf(request("list", { prefix: "" }))).code).toBe("internal")
  })

  it.each(['{"name":1}', "[1]", '[{"name":"../x","size":1}]', '[{"name":"a","size":-1}]', "no json"])(
    "refuses %s as a list of objects",
    async (data) => {
      const port = portToScript((frame, port) => port.say({ id: frame["id"], seq: 0, last: true, head: {}, data }))
      const provider = createPortProvider(await connectTo(port))
      await expect(provider.list("")[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "host-garbled" })
    },
  )

  it("reports a store that fails with the code of its fault", async () => {
    const { name, bytes } = testObject(folderOf())
    const provider = createPortProvider(await connectTo(portToHost()))
    await writeFile(join(home, "vault", vaultOf()), "a file where a folder should be")
    await expect(provider.put(name, bytes)).rejects.toMatchObject({ code: "corrupt" })
  })
})
