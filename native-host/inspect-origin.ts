import { placeOf } from "../shared/database-pieces.js"
import { indent, itemLines, type Draw } from "./inspect-draw.js"
import type { FileFacts, OriginFacts, StoreFacts } from "./inspect-facts.js"
import { readableRecord } from "./readable-record.js"
import { countText, printable, sizeText } from "./terminal.js"

/** What one origin stores, in the tree of `psp inspect`. */
export function originLines(state: OriginFacts, draw: Draw): string[] {
  const { origin, partition, localStorage, indexedDB, opfs, cacheStorage, serviceWorkers } = state
  const lines = [
    ...(localStorage === undefined
      ? ["localStorage: not captured"]
      : [`localStorage: ${countText(localStorage.length, "key")}`, ...indent(itemLines(localStorage, draw))]),
    ...(indexedDB === undefined ? ["databases: not captured"] : []),
    ...(indexedDB ?? []).flatMap(({ name, version, stores }) => [
      `database ${draw.name(name)}, version ${version}: ${countText(stores.length, "store")}`,
      ...indent(draw.list(stores.map((store) => storeLines(store, draw)))),
    ]),
    ...(opfs === undefined || (opfs.files === 0 && opfs.entries === undefined)
      ? []
      : [
          `private files: ${opfs.files}, ${sizeText(opfs.bytes)}${opfs.entries === undefined ? ", counted only" : ""}`,
          ...indent(draw.list((opfs.entries ?? []).map((entry) => fileLines(entry, draw)))),
        ]),
    ...(cacheStorage === undefined || cacheStorage.caches === 0
      ? []
      : [`caches: ${cacheStorage.caches} with ${countText(cacheStorage.entries, "response")}, counted only`]),
    ...(serviceWorkers === undefined || serviceWorkers.scopes === 0
      ? []
      : [`service workers: ${serviceWorkers.scopes}, counted only`]),
  ]
  return [printable(placeOf(origin, partition)), ...indent(lines)]
}

function storeLines(store: StoreFacts, draw: Draw): string[] {
  const { name, keyPath, autoIncrement, nextKey, indexes, count, bytes, records } = store
  const path = (keys: string | string[]) =>
    typeof keys === "string" ? draw.name(keys) : `[${keys.map(draw.name).join(", ")}]`
  const parts = [
    keyPath === null ? "keys beside the records" : `key ${path(keyPath)}`,
    ...(autoIncrement ? [`key generator${nextKey === null ? "" : ` at ${nextKey}`}`] : []),
    count === undefined ? "records not captured" : `${countText(count, "record")}, ${sizeText(bytes ?? 0)}`,
  ]
  const ofIndexes = indexes.map(({ name: index, keyPath: keys, unique, multiEntry }) => [
    `index ${draw.name(index)} on ${path(keys)}${unique ? ", unique" : ""}${multiEntry ? ", multiEntry" : ""}`,
  ])
  const ofRecords = (records ?? []).map(({ key, value }) => [
    `${printable(readableRecord(key))} ${draw.value(readableRecord(value))}`,
  ])
  return [
    `store ${draw.name(name)}: ${parts.join(", ")}`,
    ...indent([...draw.list(ofIndexes), ...draw.list(ofRecords)]),
  ]
}

function fileLines({ path, bytes, data }: FileFacts, draw: Draw): string[] {
  return [
    `${draw.name(path)}  ${bytes === null ? "folder" : sizeText(bytes)}`,
    ...(data === undefined ? [] : indent([draw.value(`Base64 ${data}`)])),
  ]
}
