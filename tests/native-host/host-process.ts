import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process"
import { once } from "node:events"
import type { Readable, Writable } from "node:stream"
import { connect, type Connection, type NativePort } from "../../extension/native-port.js"
import { encodeFrame, parsePayload, readPayloads } from "../../native-host/framing.js"

/** A host as a browser sees it: a process with two pipes. */
export interface HostProcess {
  child: ChildProcess
  stdin: Writable
  stdout: Readable
  /** What it wrote on stderr until now. */
  stderr: () => string
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export function startHost(script: string, env: Record<string, string>, options: SpawnOptions = {}): HostProcess {
  return watch(
    spawn(process.execPath, [script], { ...options, env: { PATH: process.env["PATH"], ...env }, stdio: "pipe" }),
  )
}

export function watch(child: ChildProcess): HostProcess {
  const { stdin, stdout, stderr } = child
  if (stdin === null || stdout === null || stderr === null) throw new Error("expected a process with pipes")
  let said = ""
  stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
  stdin.on("error", () => undefined)
  const exited = once(child, "exit").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }))
  return { child, stdin, stdout, stderr: () => said, exited }
}

/** The extension's own client over the real process, with a browser's part played by the pipes. */
export function connectToHost(host: HostProcess): Promise<Connection> {
  return connect({
    connectNative: () => portTo(host),
    lastError: () => "Native host has exited.",
    helloTimeout: 60_000,
  })
}

function portTo({ stdin, stdout, child }: HostProcess): NativePort {
  const onMessage: ((message: unknown) => void)[] = []
  const onDisconnect: ((port: NativePort) => void)[] = []
  const port: NativePort = {
    postMessage: (message) => void stdin.write(encodeFrame(message)),
    disconnect: () => stdin.end(),
    onMessage: { addListener: (listener) => void onMessage.push(listener) },
    onDisconnect: { addListener: (listener) => void onDisconnect.push(listener) },
  }
  void (async () => {
    try {
      for await (const payload of readPayloads(stdout)) {
        for (const listener of onMessage) listener(parsePayload(payload))
      }
    } finally {
      for (const listener of onDisconnect) listener(port)
    }
  })().catch(() => child.kill())
  return port
}

/** Resolves with the payloads that the host writes until its stdout ends. */
export async function allFrames(host: HostProcess): Promise<unknown[]> {
  const frames: unknown[] = []
  for await (const payload of readPayloads(host.stdout)) frames.push(parsePayload(payload))
  return frames
}

export const helloFrame = {
  id: 1,
  seq: 0,
  last: true,
  head: { type: "hello", protocol: 1, version: "0.1.0" },
  data: "",
}
