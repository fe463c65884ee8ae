/**
 * Counts the IndexedDB databases of a document's origin without opening any; self-contained, answers with one string of
 * ASCII JSON: `{ "databases": 2 }`, or null where the browser does not tell.
 */
export async function countDatabases(): Promise<string> {
  try {
    const databases = await indexedDB.databases()
    return JSON.stringify({ databases: databases.length })
  } catch {
    return JSON.stringify({ databases: null })
  }
}
