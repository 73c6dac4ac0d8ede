/**
 * Which interpreter runs a script, as its first line or a handler has it, and whether it can be kept warm. Separate from
 * what is done with it, because what the kernel and env(1) make of a first line is a table of its own. Pure. execve(2).
 */

export type Language = "python" | "perl";

export interface Interpreter {
  readonly language: Language;
  /** What the kernel would put in front of the script's path: the interpreter's path, and all options as one word. */
  readonly words: readonly string[];
}

/** For a script that runs plainly for ever, and why. */
export interface Unsuitable {
  readonly reason: string;
  /** It asks for neither Python nor Perl: there is nothing to mend, so nobody needs to be warned. */
  readonly isForeign: boolean;
}

const LANGUAGES: readonly (readonly [Language, RegExp])[] = [
  ["python", /^python(?:3(?:\.\d+)?)?$/],
  ["perl", /^perl(?:5(?:\.\d+)*)?$/],
];

/** Options after which the interpreter still runs a file, and that do the same to each of many processes. */
const OPTIONS: Readonly<Record<Language, RegExp>> = {
  python: /^-(?:[bBEIOPqsSu]+|[WX].+)$/,
  perl: /^-(?:[TtUwWX]+|I.+)$/,
};

const ENV = /^(?:\/usr)?\/bin\/env$/;
/** Variables that env(1) sets would have to be set in every child; its own options, but -S, are none that scripts have. */
const SPLIT = /^(?:-S\s*|--split-string=)/;

/** Of a script that a handler runs: its interpreter gets no options. */
export function interpreterOfHandler(path: string): Interpreter | Unsuitable {
  return classify([path], [path]);
}

/** Of the first line of a program, as Latin-1 text without its line end; null: there is none. */
export function interpreterOfLine(line: string | null): Interpreter | Unsuitable {
  const [, path, rest = ""] = /^#![ \t]*([^ \t]+)(?:[ \t]+(.*?))?[ \t]*$/.exec(line ?? "") ?? [];
  if (path === undefined) return { reason: "it has no first line that begins with #!", isForeign: true };
  const words = rest === "" ? [path] : [path, rest];
  if (!ENV.test(path)) return classify(words, words);
  // Without -S, env takes all of it as one name.
  const command = SPLIT.test(rest) ? rest.replace(SPLIT, "").split(/[ \t]+/).filter((word) => word !== "") : [rest];
  return classify(command, words);
}

function classify([program = "", ...options]: readonly string[], words: readonly string[]): Interpreter | Unsuitable {
  const name = program.slice(program.lastIndexOf("/") + 1);
  const [language] = LANGUAGES.find(([, pattern]) => pattern.test(name)) ?? [];
  if (language === undefined) {
    // Such as python2, or `env python3 -u` without -S.
    const isForeign = !words.some((word) => /python|perl/i.test(word));
    return { reason: `"${name}" is neither Python 3 nor Perl`, isForeign };
  }
  const odd = options.find((option) => !OPTIONS[language].test(option) || /[ \t"'\\$]/.test(option));
  if (odd !== undefined) return { reason: `its interpreter has the option "${odd}"`, isForeign: false };
  return { language, words };
}
