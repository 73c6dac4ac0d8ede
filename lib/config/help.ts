/** The texts of `--help` and `--version`, made of the option table. Pure. */
import { type Option, OPTIONS, POSITIONS } from "./options.ts";

const WIDTH = 80;
const INDENT = 30;

const NOTES = "Relative paths start in the current folder. SIZE is in bytes, or ends in k, M or G; TIME is in " +
  "milliseconds, or ends in ms, s or m. LISOD_FOREGROUND=1 in the environment does what --foreground does. " +
  "Exit status: 0 stopped in order, 1 the machine lacks what the arguments name, 2 the arguments are wrong.";

/** Every option with its default, in at most 80 columns; ends in a line feed. */
export function helpText(): string {
  const sections = [...new Set(OPTIONS.map((option) => option.section))];
  const lines = [
    "lisod serves a folder and its CGI programs over HTTP and HTTPS.",
    "",
    "Usage:",
    ...wrap(`lisod ${POSITIONS.map((position) => position.label).join(" ")} [OPTION...]`, 2),
    "  lisod FOLDER [OPTION...]",
    "  lisod --config FILE [OPTION...]",
    "",
    ...wrap(NOTES, 0),
  ];
  for (const section of sections) {
    lines.push("", `${section}:`);
    for (const option of OPTIONS) if (option.section === section) lines.push(...optionLines(option));
  }
  return lines.join("\n") + "\n";
}

export interface Versions {
  readonly lisod: string;
  /** Commit and date; empty where nobody knows. */
  readonly sources: string;
  readonly deno: string;
  readonly v8: string;
}

/** One line; ends in a line feed. */
export function versionText({ lisod, sources, deno, v8 }: Versions): string {
  const from = sources === "" ? "built outside of git" : `sources ${sources}`;
  return `lisod ${lisod} (${from}, Deno ${deno}, V8 ${v8})\n`;
}

function optionLines(option: Option): string[] {
  const name = `  --${option.name}${option.value === null ? "" : ` ${option.value}`}`;
  const meaning = wrap(`${option.meaning} [${option.default}]`, INDENT);
  if (name.length + 2 > INDENT) return [name, ...meaning];
  return [name.padEnd(INDENT) + meaning[0].trimStart(), ...meaning.slice(1)];
}

/** Lines of at most WIDTH columns, each indented; a longer word stands alone. */
function wrap(text: string, indent: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(" ".repeat(indent) + line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, " ".repeat(indent) + line];
}
