/** Keys and values that storage code stumbles over; what each is stands in the value. */
export const oddItems: [key: string, value: string][] = [
  ["token", "a normal value"],
  ["length", "a key that is a property of Storage"],
  ["key", "a key that is a method of Storage"],
  ["__proto__", "a key that is an accessor of objects"],
  ["constructor", "another one"],
  ["", "the empty key"],
  ["empty", ""],
  ["low \udc00 and high \ud800", "\udfff lone \ud83c"],
  ["‮ right to left", "שלום ‏ مرحبا"],
  ["control \u0000\u0001\t\r\n\u007f\u0085", "\u0000\b\u001b[31m\u2028\u2029\ufeff"],
  ["<img src=x onerror=alert(1)>", "</script><!--\"'`${}\\"],
  ["🌿", "👩‍🚀 ñ n\u0303"],
  ["k".repeat(4096), "a key of 4096 bytes"],
  ["json", '{"nested":"{\\"a\\":1}"}'],
]

/** Page function: replaces the items of localStorage or sessionStorage by these. */
export function fillStorage(area: "local" | "session", items: [key: string, value: string][]): void {
  const storage = area === "local" ? localStorage : sessionStorage
  storage.clear()
  for (const [key, value] of items) storage.setItem(key, value)
}

/** What a tab of this name has in sessionStorage. */
export function tabItems(tab: string): [key: string, value: string][] {
  return [...oddItems, ["tab", tab], [`only in ${tab}`, "yes"]]
}
