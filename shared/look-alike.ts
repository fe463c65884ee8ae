/** What is odd about a name by itself. */
export type NameOddity = "mixed-scripts" | "invisible"

/** Letters of several scripts in one name, or something in it that cannot be seen. */
export function nameOddities(name: string): NameOddity[] {
  const found = scripts.filter((script) => script.test(name))
  const hasInvisible = invisible.test(name) || name !== name.trim() || / {2}|[^\S ]/.test(name)
  return [...(found.length > 1 ? ["mixed-scripts" as const] : []), ...(hasInvisible ? ["invisible" as const] : [])]
}

/** True for two names that a person may take for each other: they differ only in case, in what cannot be seen, or in letters that look alike. */
export function looksAlike(one: string, other: string): boolean {
  return skeletonOf(one) === skeletonOf(other)
}

/**
 * What is left of a name when all that looks alike is the same: in the manner of UTS 39 (skeleton), with the letters that
 * are in everyday keyboards and fonts in place of its whole table.
 */
function skeletonOf(name: string): string {
  const plain = name
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cf}\p{Z}\s\p{Pd}_.\u30fc\u2800\u3164\u115f\u1160]/gu, "")
    .replace(/./gsu, (char) => alike.get(char) ?? char)
    .toLowerCase()
    .replace(/./gsu, (char) => alike.get(char) ?? char)
  return plain.replace(/rn/g, "m").replace(/vv/g, "w").replace(/cl/g, "d")
}

const invisible = /[\p{Cf}\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u

const scripts = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Georgian}/u,
  // Written together in Japanese and Korean names.
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u,
]

/** Each letter before the letters that look like it. */
const lookalikes: Record<string, string> = {
  a: "аαɑ@",
  b: "ЬВвβ",
  c: "сϲ",
  d: "ԁɗ",
  e: "еεєЕ",
  f: "ғϝ",
  g: "ɡԍ",
  h: "һНнΗ",
  i: "іιıІΙ1l|!ӏǀ",
  j: "јϳ",
  k: "кκКΚ",
  m: "мМΜ",
  n: "пηΝո",
  o: "оο0ОΟօ०௦",
  p: "рρРΡ",
  q: "ԛ",
  r: "г",
  s: "ѕЅ5$",
  t: "тτТΤ",
  u: "υսμ",
  v: "ѵν",
  w: "ѡԝωш",
  x: "хχХΧ",
  y: "уγүУΥ",
  z: "ʐΖ2",
}

const alike = new Map(
  Object.entries(lookalikes).flatMap(([letter, others]) =>
    Array.from(others, (other): [string, string] => [other, letter]),
  ),
)
