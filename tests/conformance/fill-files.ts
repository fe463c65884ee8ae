/** Page function: a small tree in the origin private file system. Needs a secure context. */
export async function fillOpfs(): Promise<void> {
  const root = await navigator.storage.getDirectory()
  await write(root, "hello.txt", "hello")
  await write(root, "empty", "")
  const folder = await root.getDirectoryHandle("naïve 🌿", { create: true })
  await write(await folder.getDirectoryHandle("inner", { create: true }), "bytes.bin", new Uint8Array([0, 1, 254, 255]))

  async function write(
    into: FileSystemDirectoryHandle,
    name: string,
    content: FileSystemWriteChunkType,
  ): Promise<void> {
    const file = await (await into.getFileHandle(name, { create: true })).createWritable()
    await file.write(content)
    await file.close()
  }
}

/** Page function: two caches, the second without an entry. Needs a secure context. */
export async function fillCaches(): Promise<void> {
  const cache = await caches.open("app v1")
  const headers = { "content-type": "application/json", "x-odd": "yes" }
  await cache.put("/api/me", new Response('{"name":"Ada"}', { headers }))
  await cache.put("/api/me?page=2", new Response(new Uint8Array([0, 255]), { status: 203 }))
  await caches.open("empty 🌿")
}

/** Page function: registers the worker for the whole origin and waits until it is at work. Needs a secure context. */
export async function fillWorker(): Promise<void> {
  await navigator.serviceWorker.register("/worker.js", { scope: "/" })
  await navigator.serviceWorker.ready
}

/** It answers one address by itself and leaves all others to the server. */
export const workerScript = `
  addEventListener("install", () => skipWaiting())
  addEventListener("activate", (event) => event.waitUntil(clients.claim()))
  addEventListener("fetch", (event) => {
    if (new URL(event.request.url).pathname === "/from-worker") event.respondWith(new Response("from the worker"))
  })
`
