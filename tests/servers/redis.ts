import { spawn, spawnSync, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

/** For the title of what is skipped: a real redis-server is needed, and says this where there is none. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0
export const needsRedis = "needs a real redis-server: apt-get install redis-server"

export interface RedisServer {
  port: number
  /** `redis://127.0.0.1:port` */
  url: string
  /** Ends it as a power cut does, and resolves when it is gone. */
  kill: () => Promise<void>
  /** Starts it again on the same port with the same files. */
  start: () => Promise<void>
  /** Stops it in its tracks until told to go on: it is there and does not answer. */
  freeze: () => void
  thaw: () => void
  /** One command, past everything of ours; what `redis-cli` prints. */
  run: (...command: string[]) => string
  /** Ends it and removes its files. */
  dispose: () => Promise<void>
}

/** A server of its own on a free port of 127.0.0.1, in a fresh folder; `args` are redis-server's. */
export async function startRedis(args: string[] = [], cliArgs: string[] = []): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), "psp-redis-"))
  const port = await freePort()
  const listening = args.includes("--tls-port") ? [] : ["--port", String(port)]
  const own = args.map((arg) => (arg === "PORT" ? String(port) : arg))
  let child: ChildProcess

  async function start(): Promise<void> {
    const fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir]
    child = spawn("redis-server", [...listening, ...fixed, ...own], { stdio: ["ignore", "pipe", "inherit"] })
    if (child.stdout === null) throw new Error("redis-server has no output")
    const said: string[] = []
    for await (const line of createInterface(child.stdout)) {
      said.push(line)
      if (line.includes("Ready to accept connections")) {
        child.stdout.resume()
        return
      }
    }
    throw new Error(`redis-server did not start: ${said.slice(-3).join(" / ")}`)
  }

  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGKILL")
    await once(child, "exit")
  }

  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => child.kill("SIGSTOP"),
    thaw: () => child.kill("SIGCONT"),
    run(...command) {
      const { stdout, status } = spawnSync("redis-cli", ["-p", String(port), ...cliArgs, ...command], {
        encoding: "utf8",
      })
      if (status !== 0) throw new Error(`redis-cli ${command[0] ?? ""} ended with ${status}: ${stdout}`)
      return stdout.trim()
    },
    async dispose() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}
