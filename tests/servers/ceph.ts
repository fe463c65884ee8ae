import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"

const programs = ["monmaptool", "ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"]

/** For the title of what is skipped: a real S3 server is needed, and says this where there is none. */
export const hasCeph = programs.every((program) => spawnSync(program, ["--version"]).status === 0)
export const needsCeph = "needs a real S3 server: apt-get install radosgw ceph-mon ceph-osd ceph-common"

export interface S3Server {
  /** `http://127.0.0.1:port` */
  endpoint: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string }
  /** `radosgw-admin` with these arguments; what it prints. */
  admin: (...args: string[]) => Promise<string>
  /** Ends it and removes its files. */
  dispose: () => Promise<void>
}

const run = promisify(execFile)
/** A tenth of a second each. */
const startTries = 600

/**
 * A Ceph of one node that keeps everything in memory, and its S3 gateway: a monitor, one disk, `radosgw`. On free ports of
 * 127.0.0.1, in a fresh folder, up after about 12 seconds; a file of tests starts one and gives each test a bucket.
 */
export async function startCeph(): Promise<S3Server> {
  const dir = await mkdtemp(join(tmpdir(), "psp-ceph-"))
  const [monitorPort, gatewayPort] = [await freePort(), await freePort()]
  const endpoint = `http://127.0.0.1:${gatewayPort}`
  const conf = ["--conf", join(dir, "ceph.conf")]
  const children: ChildProcess[] = []
  const endAll = () => children.forEach((child) => child.kill("SIGKILL"))
  process.once("exit", endAll)

  async function start(program: string, ...args: string[]): Promise<ChildProcess> {
    const child = spawn(program, [...args, ...conf, "-f"], { stdio: "ignore" })
    children.push(child)
    await once(child, "spawn")
    return child
  }

  async function dispose(): Promise<void> {
    process.off("exit", endAll)
    for (const child of children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill("SIGKILL")
      await once(child, "exit")
    }
    await rm(dir, { recursive: true, force: true })
  }

  const admin = async (...args: string[]) =>
    (await run("radosgw-admin", [...args, ...conf, "-n", "client.rgw"], { timeout: 60_000 })).stdout

  try {
    const [cluster, disk] = [randomUUID(), randomUUID()]
    for (const folder of ["mon", "osd", "rgw"]) await mkdir(join(dir, folder))
    await writeFile(join(dir, "ceph.conf"), configuration(dir, cluster, monitorPort, gatewayPort))

    const map = join(dir, "monmap")
    await run("monmaptool", ["--create", "--fsid", cluster, "--addv", "a", `[v1:127.0.0.1:${monitorPort}]`, map])
    await run("ceph-mon", ["-i", "a", "--mkfs", "--monmap", map, ...conf])
    await start("ceph-mon", "-i", "a")
    // Waits by itself until the monitor answers.
    await run("ceph", ["osd", "new", disk, "0", ...conf], { timeout: 60_000 })

    await run("ceph-osd", ["-i", "0", "--mkfs", "--osd-uuid", disk, ...conf])
    let osd = await start("ceph-osd", "-i", "0")
    const gateway = await start("radosgw", "-n", "client.rgw")
    for (let attempt = 1; !(await answers(endpoint)); attempt++) {
      if (gateway.exitCode !== null || attempt === startTries) throw await notStarted(dir)
      // One start in six ends with "wrong fsid": it asked the monitor before it had heard which cluster it is in.
      if (osd.exitCode !== null) osd = await start("ceph-osd", "-i", "0")
      await new Promise((resolve) => setTimeout(resolve, 100))
    }

    const credentials = { accessKeyId: "PSPTESTACCESSKEY", secretAccessKey: "psp-test-secret-of-the-owner" }
    const { accessKeyId, secretAccessKey } = credentials
    await admin(
      ...["user", "create", "--uid", "owner", "--display-name", "owner"],
      ...["--access-key", accessKeyId, "--secret-key", secretAccessKey],
    )
    return { endpoint, region: "us-east-1", credentials, admin, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** No authentication between its parts, one copy of everything, few placement groups: it is for one test run. */
function configuration(dir: string, cluster: string, monitorPort: number, gatewayPort: number): string {
  return `
[global]
fsid = ${cluster}
mon host = [v1:127.0.0.1:${monitorPort}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1G
mon allow pool size one = true
mon max pg per osd = 1000
run dir = ${dir}
admin socket = ${dir}/$name.$pid.asok
log file = ${dir}/$name.log
[mon.a]
mon data = ${dir}/mon
[osd.0]
osd data = ${dir}/osd
[client.rgw]
rgw data = ${dir}/rgw
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1
`
}

async function notStarted(dir: string): Promise<Error> {
  const said = await Promise.all(
    ["client.rgw.log", "osd.0.log"].map((log) => readFile(join(dir, log), "utf8").catch(() => "")),
  )
  return new Error(`The Ceph Object Gateway did not start: ${said.map((text) => text.slice(-500)).join("\n")}`)
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(endpoint)).ok
  } catch {
    return false
  }
}

/** A port of 127.0.0.1 that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
}
