import { readdir, readFile } from "node:fs/promises"

/** Processes of this machine (Linux) that were started with this argument, oldest first. */
export async function pidsWithArgument(argument: string): Promise<number[]> {
  const found: number[] = []
  for (const pid of await pids()) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
    if (line.split("\0").includes(argument)) found.push(pid)
  }
  return found
}

/** SIGKILL for a process and everything below it; resolves when all of it is gone. */
export async function killTree(root: number): Promise<void> {
  // It cannot start another child, nor see one end, while the others are looked for.
  process.kill(root, "SIGSTOP")
  const tree = await treeOf(root)
  for (const pid of tree) kill(pid)
  while ((await Promise.all(tree.map(isThere))).includes(true)) continue
}

async function treeOf(root: number): Promise<number[]> {
  const children = new Map<number, number[]>()
  for (const pid of await pids()) {
    const parent = await parentOf(pid)
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

async function pids(): Promise<number[]> {
  const names = await readdir("/proc")
  return names
    .map(Number)
    .filter(Number.isInteger)
    .sort((a, b) => a - b)
}

/** What stands after the name, which may hold anything: state and parent. */
async function statOf(pid: number): Promise<{ state: string; parent: number } | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null)
  const [state = "", parent = ""] = text?.slice(text.lastIndexOf(")") + 2).split(" ") ?? []
  return text === null ? null : { state, parent: Number(parent) }
}

const parentOf = async (pid: number) => (await statOf(pid))?.parent ?? null

/** A dead process whose parent has not asked for it is no process any more. */
async function isThere(pid: number): Promise<boolean> {
  const found = await statOf(pid)
  return found !== null && found.state !== "Z"
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL")
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
  }
}
