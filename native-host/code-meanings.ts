import { exitByCode, type ErrorCode } from "../shared/errors.js"

/** What a code in the host's log means, and what to do, in a clause. */
export function meaningOf(code: ErrorCode): string {
  return meanings[code] ?? meaningOfExit[exitByCode[code]] ?? "a fault of ours"
}

const meanings: Partial<Record<ErrorCode, string>> = {
  unreachable: "the store did not answer; is its disk, network or server there?",
  denied: "the store or its folder may not be used; look at its permissions or credentials",
  full: "the store had no room; make some, then save again",
  "rate-limited": "the store asked for fewer requests; it was tried again, wait and save again",
  corrupt: "something in the store is damaged; psp verify names it",
  "bad-config": "the store's address cannot be used; psp config set store ADDRESS",
  "unsafe-permissions": "others may write where the store is; make the folder yours alone",
  "bad-message": "the browser's extension and the host did not understand each other; update both, then psp install",
  "too-large": "an object was larger than may be stored",
  "bad-card": "a damaged card was offered",
  aborted: "the browser gave the request up",
  internal: "a fault of ours",
}

/** As the README lists the exit statuses. */
const meaningOfExit: Record<number, string> = {
  1: "a fault of ours",
  2: "something was asked for that cannot be done",
  3: "nothing was there",
  4: "it is not trusted, or not for this machine",
  5: "something is damaged",
  6: "the store could not be reached, or was full",
  7: "it had expired",
}
