/**
 * The rules of the house, as pure functions over the text of the tree: each gives back what is wrong, in a sentence that
 * says what to do about it. `house.test.ts` runs them, and shows that each one can fail.
 */
export interface SourceFile {
  /** From the root of the project, with `/`. */
  path: string
  text: string
}

export interface Rule {
  title: string
  check: (file: SourceFile) => string[]
}

/** The rules themselves name what they forbid. */
const isCode = ({ path }: SourceFile) => /\.tsx?$/.test(path) && !path.startsWith("tests/house")
const isTest = ({ path }: SourceFile) => path.startsWith("tests/")
const isIn = ({ path }: SourceFile, ...folders: string[]) => folders.some((folder) => path.startsWith(folder))

/** What a file imports, types included; `typeOnly` is gone at run time. */
export function importsOf({ path, text }: SourceFile): { from: string; typeOnly: boolean }[] {
  const code = withoutComments(text)
  const statements = [
    ...code.matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/g),
    ...code.matchAll(/\bimport\(()\s*"([^"]+)"\s*\)/g),
  ]
  return statements.map((match) => ({
    from: resolve(path, match[2] ?? ""),
    typeOnly: match[1] !== undefined && match[1] !== "",
  }))
}

export const rules: Rule[] = [
  {
    title: "imports point down only",
    check: (file) => {
      if (isTest(file) || !isCode(file)) return []
      const room = roomOf(file.path)
      if (room === null) return []
      return importsOf(file)
        .map(({ from, typeOnly }) => ({ from, typeOnly, target: roomOf(from) }))
        .filter(({ target, typeOnly }) => target !== null && !mayImport(room, target, typeOnly))
        .map(
          ({ from }) =>
            `${file.path} (${room}) imports ${from}: from there only ${allowed[room].join(", ")} may be reached`,
        )
    },
  },
  {
    title: "node: stays in native-host",
    check: (file) =>
      !isCode(file) || isTest(file) || isIn(file, "native-host/") || !file.path.includes("/")
        ? []
        : importsOf(file)
            .filter(({ from }) => from.startsWith("node:"))
            .map(({ from }) => `${file.path} imports ${from}: what touches the machine belongs to native-host/`),
  },
  {
    title: "browser.* stays in extension",
    check: (file) =>
      !isCode(file) || isTest(file) || isIn(file, "extension/", "manifest-overrides/") || !file.path.includes("/")
        ? []
        : importsOf(file)
            .filter(({ from }) => /^(?:wxt|webextension-polyfill|@wxt-dev\/)/.test(from))
            .map(({ from }) => `${file.path} imports ${from}: what touches the browser belongs to extension/`),
  },
  {
    title: "page functions import nothing at run time",
    check: (file) =>
      !isIn(file, "shared/page/") || !isCode(file)
        ? []
        : importsOf(file)
            .filter(({ typeOnly }) => !typeOnly)
            .map(
              ({ from }) =>
                `${file.path} imports ${from}: a page function is sent into a page alone, so it must hold all it needs`,
            ),
  },
  {
    title: "no drawer files",
    check: ({ path }) =>
      /\/(?:utils?|helpers?|types|common|misc)\.tsx?$/.test(path)
        ? [`${path}: a file is one idea and its name is that idea; put each function where its idea is`]
        : [],
  },
  {
    title: "no any and no silenced compiler",
    check: (file) =>
      isCode(file)
        ? [
            ...matches(withBlankComments(file), /:\s*any\b|\bas any\b(?!")|<any>/g, "say the type, or explain a cast"),
            ...matches(file, /@ts-(?:ignore|expect-error|nocheck)/g, "say the type, or explain a cast"),
          ]
        : [],
  },
  {
    title: "named exports, default only where a tool asks",
    check: (file) =>
      isCode(file) && file.path.includes("/") && !isIn(file, "extension/entrypoints/")
        ? matches(file, /^export default /gm, "export it by its name")
        : [],
  },
  {
    title: "a TODO has a date or an issue",
    check: (file) =>
      isCode(file)
        ? matches(file, /\b(?:TODO|FIXME)\b(?! \[(?:\d{4}-\d{2}-\d{2}|#\d+)\])/g, "add [2027-01-31] or [#12]")
        : [],
  },
  {
    title: "no path of a machine and no address of a registry",
    check: (file) =>
      file.path.startsWith("tests/house")
        ? []
        : matches(
            file,
            /\/(?:home|Users)\/(?!ada\b)[a-z]\w*\/|\/root\/|\/work\/|registry\.npmjs\.org|registry\.yarnpkg\.com/g,
            "it is true on one machine only",
          ),
  },
  {
    title: "the lockfile carries no download addresses",
    check: (file) =>
      file.path === "package-lock.json" ? matches(file, /"resolved":/g, "install with the .npmrc of the project") : [],
  },
  {
    title: "tests wait for things, not for time",
    check: (file) =>
      isTest(file) && isCode(file) && !isIn(file, "tests/bench/")
        ? matches(file, /waitForTimeout\(|setTimeout\([^,]*,\s*\d{4,}\)/g, "wait for what the time was meant for")
        : [],
  },
  {
    title: "no test is left out or alone",
    check: (file) =>
      /\.(?:test|spec)\.tsx?$/.test(file.path) && isCode(file)
        ? matches(
            file,
            /\b(?:it|test|describe)\.(?:only\(|(?:skip|todo|fixme)\(\s*["'`])/g,
            "mend it or remove it; skipIf with a reason is fine",
          )
        : [],
  },
  {
    title: "the console belongs to nobody",
    check: (file) =>
      isCode(file) && !isTest(file) && file.path !== "native-host/console-to-stderr.ts"
        ? matches(file, /\bconsole\.\w+\(/g, "a value printed by accident is a leak; report through a result")
        : [],
  },
]

/** Rooms from the top down, and which may be reached from each. */
const allowed = {
  "extension/entrypoints": ["extension"],
  extension: ["extension", "shared", "shared/page", "manifest-overrides"],
  "native-host": ["native-host", "shared", "shared/adapters", "shared/providers", "shared/formats"],
  "manifest-overrides": ["manifest-overrides", "shared"],
  "shared/adapters": ["shared/adapters", "shared/page", "shared"],
  "shared/providers": ["shared/providers", "shared"],
  "shared/formats": ["shared/formats", "shared"],
  "shared/page": ["shared/page"],
  shared: ["shared"],
} as const

type Room = keyof typeof allowed

function roomOf(path: string): Room | null {
  const rooms = (Object.keys(allowed) as Room[]).sort((a, b) => b.length - a.length)
  return rooms.find((room) => path.startsWith(`${room}/`)) ?? null
}

/** The shape of what a page function answers is a type beside it: whoever reads the answer may know it. */
function mayImport(from: Room, to: Room, typeOnly: boolean): boolean {
  if (typeOnly && from === "shared" && to === "shared/page") return true
  return (allowed[from] as readonly string[]).includes(to)
}

function resolve(path: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier
  const parts = path.split("/").slice(0, -1)
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== ".") parts.push(part)
  }
  return parts.join("/")
}

function matches(file: SourceFile, pattern: RegExp, advice: string): string[] {
  return [...file.text.matchAll(pattern)].map((match) => {
    const line = file.text.slice(0, match.index).split("\n").length
    return `${file.path}:${line} has "${match[0].trim().slice(0, 60)}": ${advice}`
  })
}

/** Comments without their words, so that lines keep their numbers. */
function withBlankComments({ path, text }: SourceFile): SourceFile {
  const blank = (comment: string) => comment.replace(/[^\n]/g, " ")
  return { path, text: text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/^\s*\/\/.*$/gm, blank) }
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")
}
