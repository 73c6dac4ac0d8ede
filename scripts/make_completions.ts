/**
 * Prints what completes the options of lisod in a shell: bash, zsh or fish, as the one argument says. Made of the table that
 * --help is made of: names, and for each value its words, or files, or folders. scripts/package puts them where the shells look.
 */
import { type Option, OPTIONS } from "../lib/config/options.ts";

export type Shell = "bash" | "zsh" | "fish";

/** What a value may be: words, a file (which a folder leads to), a folder; null where a shell cannot know. */
type Values = readonly string[] | "file" | "folder" | null;

/** Placeholders that stand for a path from their first letter on. */
const FILE_VALUES: readonly string[] = ["FILE", "PATH", "FILE|off"];

function valuesOf({ value }: Option): Values {
  if (value === null) return null;
  if (value === "FOLDER") return "folder";
  if (FILE_VALUES.includes(value)) return "file";
  return /^[a-z0-9]+(?:\|[a-z0-9]+)+$/.test(value) ? value.split("|") : null;
}

/** The whole script; ends in a line feed. */
export function completions(shell: Shell): string {
  return MAKERS[shell]().join("\n") + "\n";
}

const MAKERS: Readonly<Record<Shell, () => readonly string[]>> = { bash: forBash, zsh: forZsh, fish: forFish };

/** Names with dashes, of options whose value passes. */
function names(passes: (option: Option) => boolean): string {
  return OPTIONS.filter((option) => option.scope !== "file" && passes(option)).map(({ name }) => `--${name}`).join("|");
}

function forBash(): readonly string[] {
  const withWords = OPTIONS.filter((option) => Array.isArray(valuesOf(option)));
  return [
    "# Completes the options of lisod in bash; made of the option table.",
    "_lisod() {",
    "  local word=$2 before=$3",
    "  COMPREPLY=()",
    "  case $before in",
    ...withWords.map((option) =>
      `  --${option.name}) mapfile -t COMPREPLY < <(compgen -W ${quote(wordsOf(option))} -- "$word") ;;`
    ),
    `  ${
      names((option) => valuesOf(option) === "file")
    }) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;`,
    `  ${
      names((option) => valuesOf(option) === "folder")
    }) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;`,
    `  ${names((option) => option.value !== null && valuesOf(option) === null)}) ;;`,
    "  *)",
    `    if [[ $word == -* ]]; then mapfile -t COMPREPLY < <(compgen -W ${
      quote(names(() => true).replaceAll("|", " "))
    } -- "$word")`,
    '    else compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$word"); fi',
    "    ;;",
    "  esac",
    "}",
    "complete -F _lisod lisod",
  ];
}

function wordsOf(option: Option): string {
  const values = valuesOf(option);
  return Array.isArray(values) ? values.join(" ") : "";
}

/** _arguments wants brackets and colons of a text escaped; what may be repeated has a star. */
function forZsh(): readonly string[] {
  const lines = OPTIONS.filter(({ scope }) => scope !== "file").map((option) => {
    const { name, value, meaning, isRepeatable = false } = option;
    const text = meaning.replace(/[[\]:\\]/g, "\\$&");
    const values = valuesOf(option);
    const action = Array.isArray(values)
      ? `(${values.join(" ")})`
      : values === "file"
      ? "_files"
      : values === "folder"
      ? "_files -/"
      : " ";
    const argument = value === null ? "" : `:${value.replace(/[[\]:\\]/g, "\\$&")}:${action}`;
    return `  ${quote(`${isRepeatable ? "*" : ""}--${name}[${text}]${argument}`)} \\`;
  });
  return [
    "#compdef lisod",
    "# Completes the options of lisod in zsh; made of the option table.",
    "_arguments \\",
    ...lines,
    "  '*:folder:_files -/'",
  ];
}

function forFish(): readonly string[] {
  const lines = OPTIONS.filter(({ scope }) => scope !== "file").map((option) => {
    const { name, value, meaning } = option;
    const values = valuesOf(option);
    const argument = value === null
      ? ""
      : Array.isArray(values)
      ? ` -x -a ${fishQuote(values.join(" "))}`
      : values === "file"
      ? " -r -F"
      : values === "folder"
      ? " -x -a '(__fish_complete_directories)'"
      : " -x";
    return `complete -c lisod -l ${name}${argument} -d ${fishQuote(meaning)}`;
  });
  return ["# Completes the options of lisod in fish; made of the option table.", ...lines];
}

/** One word of a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In quotes fish knows backslashes before these two. */
function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}

if (import.meta.main) {
  const [shell] = Deno.args;
  if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
    console.error("make_completions: give bash, zsh or fish");
    Deno.exit(2);
  }
  Deno.stdout.writeSync(new TextEncoder().encode(completions(shell)));
}
