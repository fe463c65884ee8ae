/** Markup of every kind would leave this as the title of a page that takes a name for more than text. */
export const owned = "owned"

/** Names that somebody may give a bot, within what a card takes: 64 bytes without controls. */
export const naughtyNames = [
  `<img src=x onerror="document.title='${owned}'">`,
  `<script>document.title='${owned}'</script>`,
  `"><svg/onload=document.title='${owned}'>`,
  `<iframe srcdoc="<b>x">`,
  `<style>*{display:none}</style>`,
  `javascript:document.title='${owned}'`,
  "&lt;b&gt;bold&lt;/b&gt;",
  "${7*7} {{7*7}} %s %n $1 $& <%= 7*7 %>",
  "' OR 1=1; DROP TABLE bots; --",
  `=cmd|' /C calc'!A0`,
  "$(reboot) `reboot` ; reboot | reboot",
  "--help",
  "../../etc/passwd\\..\\",
  "__proto__",
  "constructor",
  "null",
  "الاسم (שם) 1",
  "زZWNJ\u200cHERE",
  "👩‍👩‍👧‍👦 🌿 🏴\u{e0067}\u{e007f}",
  "z\u0335\u0321\u035c\u0334a\u0336\u0322l\u0337\u0328g\u0338o\u0489\u0361",
  "c\ufeffi\u200b-1\u2060",
  "сі-1",
  "\u3164\u115f hangul filler",
  "n".repeat(64),
  "字".repeat(21),
  "\ufdfd".repeat(10),
]

/** Written with Cyrillic letters it reads as apple.com. */
export const lookAlikeSite = { typed: "аррӏе.com", punycode: "xn--80ak6aa92e.com" }
