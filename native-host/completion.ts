import type { Command, Option } from "commander"

export const shells = ["bash", "zsh", "fish"] as const
export type Shell = (typeof shells)[number]

/** What a shell can complete: the commands, their options, and the values of those that have only some. */
interface Words {
  name: string
  about: string
  options: OptionWords[]
  commands: Words[]
}

interface OptionWords {
  /** With its dashes. */
  name: string
  about: string
  takes: "nothing" | "file" | "folder" | "anything" | readonly string[]
}

/** A script for that shell, made of the commands as they are; it asks nothing of psp when it runs. */
export function completionScript(program: Command, shell: Shell): string {
  const words = wordsOf(program)
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](words)
}

function wordsOf(command: Command): Words {
  // Which of the commands below one is typed is not looked at: what any of them takes is offered.
  const below = command.parent === null ? [] : command.commands.flatMap(({ options }) => options)
  const options = [...command.options, ...below].filter(({ hidden }) => !hidden).map(optionOf)
  return {
    name: command.name(),
    about: command.description(),
    options: options.filter(({ name }, at) => options.findIndex((other) => other.name === name) === at),
    commands: command.commands.map(wordsOf),
  }
}

function optionOf({ long, description: about, flags, required }: Option): OptionWords {
  const name = long ?? flags
  // What may follow need not: a value is then joined to it with "=".
  if (!required) return { name, about, takes: "nothing" }
  if (flags.includes("<file>")) return { name, about, takes: "file" }
  if (flags.includes("<dir>")) return { name, about, takes: "folder" }
  const values = valuesIn[name.slice(2)]?.exec(about)?.[1]?.split(/, | or | and /)
  return { name, about, takes: values ?? "anything" }
}

/** Where the description lists them. */
const valuesIn: Record<string, RegExp> = {
  browser: /^only these: ([\w, ]+)$/,
  format: /(?:^|: )([\w-]+(?:, [\w-]+)+ or [\w-]+)$/,
}

function bashScript({ options, commands }: Words): string {
  const all = [...options, ...commands.flatMap((command) => command.options)]
  const taking = (wanted: OptionWords["takes"]) => unique(all.filter(({ takes }) => takes === wanted))
  const listed = commands.flatMap((command) =>
    command.options.flatMap(({ name, takes }) =>
      typeof takes === "string" ? [] : [`    "${command.name} ${name}") words="${takes.join(" ")}" ;;`],
    ),
  )
  const common = options.map(({ name }) => name).join(" ")
  const skipping = takingValues(options).join("|")
  const cases = commands.map((command) => {
    const own = [...command.commands.map(({ name }) => name), ...command.options.map(({ name }) => name)]
    return `    ${command.name}) words="${[...own, common].join(" ")}" ;;`
  })
  const files = taking("file").join("|")
  const folders = taking("folder").join("|")
  return `# psp completion bash: source it from ~/.bashrc
_psp() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" words="" word before=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$before" in ${skipping}) before=""; continue ;; esac
    case "$word" in -*) before="$word" ;; *) command="$word"; break ;; esac
  done
  COMPREPLY=()
  case "$previous" in
    ${files}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${folders}) COMPREPLY=($(compgen -d -- "$current")); return ;;
  esac
  case "$command $previous" in
${listed.join("\n")}
    *) case "$previous" in ${taking("anything").join("|")}) return ;; esac ;;
  esac
  if [ -z "$words" ]; then case "$command" in
    "") words="${[...commands.map(({ name }) => name), common].join(" ")}" ;;
${cases.join("\n")}
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _psp psp persistent-sessions
`
}

function zshScript({ options, commands }: Words): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const argument = ({ name, about, takes }: OptionWords) => {
    const after =
      takes === "nothing"
        ? ""
        : takes === "file"
          ? ":file:_files"
          : takes === "folder"
            ? ":folder:_files -/"
            : takes === "anything"
              ? ":value: "
              : `:value:(${takes.join(" ")})`
    return quoted(`${name}[${about.replace(/[[\]]/g, "")}]${after}`)
  }
  const common = options.map(argument).join(" ")
  const cases = commands.map((command) => {
    const subcommands =
      command.commands.length === 0
        ? "'*:file:_files'"
        : quoted(`1:what:(${command.commands.map(({ name }) => name).join(" ")})`)
    return `    ${command.name}) _arguments ${[...command.options.map(argument), common, subcommands].join(" ")} ;;`
  })
  return `#compdef psp persistent-sessions
# psp completion zsh > a folder of your $fpath, as _psp
_psp() {
  local -a commands
  commands=(
${commands.map(({ name, about }) => `    ${quoted(`${name}:${about}`)}`).join("\n")}
  )
  local curcontext="$curcontext" state
  typeset -A opt_args
  _arguments -C ${common} '1:command:->command' '*::argument:->argument' && return
  if [[ "$state" = command ]]; then
    _describe command commands
    return
  fi
  case "\${words[1]}" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_psp" ]; then _psp "$@"; else compdef _psp psp persistent-sessions; fi
`
}

function fishScript({ options, commands }: Words): string {
  const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
  const line = (when: string, { name, about, takes }: OptionWords) => {
    const value =
      takes === "nothing"
        ? ""
        : takes === "file"
          ? " -r -F"
          : takes === "folder"
            ? " -x -a '(__fish_complete_directories)'"
            : takes === "anything"
              ? " -x"
              : ` -x -a ${quoted(takes.join(" "))}`
    return `complete -c psp${when} -l ${name.slice(2)}${value} -d ${quoted(about)}`
  }
  return [
    "# psp completion fish > ~/.config/fish/completions/psp.fish",
    `function __psp_command_is -a wanted
  set -l command ''
  set -l before ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$before" ${takingValues(options).join(" ")}
      set before ''
      continue
    end
    if not string match -q -- '-*' "$word"
      set command "$word"
      break
    end
    set before "$word"
  end
  test "$command" = "$wanted"
end`,
    ...commands.map(({ name, about }) => `complete -c psp -n '__psp_command_is ""' -x -a ${name} -d ${quoted(about)}`),
    ...options.map((option) => line("", option)),
    ...commands.flatMap((command) => {
      const when = ` -n '__psp_command_is ${command.name}'`
      return [
        ...command.options.map((option) => line(when, option)),
        ...command.commands.map(({ name, about }) => `complete -c psp${when} -x -a ${name} -d ${quoted(about)}`),
      ]
    }),
    "",
  ].join("\n")
}

/** What stands behind one of these is no command. */
function takingValues(options: OptionWords[]): string[] {
  return options.filter(({ takes }) => takes !== "nothing").map(({ name }) => name)
}

function unique(options: OptionWords[]): string[] {
  return [...new Set(options.map(({ name }) => name))]
}
