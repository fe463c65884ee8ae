import { hkdf } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39"
import { wordlist } from "@scure/bip39/wordlists/english.js"
import { randomBytes, utf8 } from "./bytes.js"
import { PspError } from "./errors.js"
import { identityOf, type Identity } from "./keys.js"

/*
 * A recovery identity is an owner device that is kept on paper: 24 words of the BIP-39 English list, which are 256 random bits and
 * a checksum of 8. Its secrets follow from those bits alone:
 *
 *     age secret  = HKDF-SHA-256(ikm: the 32 bytes, salt: none, info: "psp/1 recovery age",    32 bytes)
 *     writer seed = HKDF-SHA-256(ikm: the 32 bytes, salt: none, info: "psp/1 recovery writer", 32 bytes)
 */

/** What people call it, among the owner devices. */
export const recoveryName = "recovery"

const wordCount = 24

/** A new one, with the words that make it again. Nobody else knows them: print them once, and keep them nowhere. */
export function createRecovery(entropy: Uint8Array = randomBytes(32)): { words: string[]; identity: Identity } {
  return { words: entropyToMnemonic(entropy, wordlist).split(" "), identity: identityFrom(entropy) }
}

/**
 * The identity that somebody's words make, however they are parted and in whatever case.
 *
 * @throws `bad-identity`, which says the place of a word that is wrong and never the word
 */
export function recoveryFromWords(text: string): Identity {
  const bad = (why: string) => new PspError("bad-identity", `Cannot read the recovery words: ${why}`)
  const words = text
    .normalize("NFKD")
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== "")
  const wrong = words.flatMap((word, at) => (wordlist.includes(word) ? [] : [at + 1]))
  if (wrong.length > 0) {
    const which = wrong.length === 1 ? `word ${wrong.join()} is` : `words ${wrong.join(", ")} are`
    throw bad(`${which} not in the list; compare with what you wrote down`)
  }
  if (words.length !== wordCount) throw bad(`expected ${wordCount} words, got ${words.length}`)
  let entropy: Uint8Array
  try {
    entropy = mnemonicToEntropy(words.join(" "), wordlist)
  } catch {
    throw bad("all are in the list, but they do not fit together; one of them is another one, or two are swapped")
  }
  return identityFrom(entropy)
}

function identityFrom(entropy: Uint8Array): Identity {
  const secret = (what: string) => hkdf(sha256, entropy, undefined, utf8(`psp/1 recovery ${what}`), 32)
  return identityOf(recoveryName, { age: secret("age"), writer: secret("writer") })
}
