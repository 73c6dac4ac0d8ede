/**
 * Gives a program words and variables that are not UTF-8 where only text can be given to it: the runtime would make U+FFFD of
 * such bytes. A shell makes them out of octal numbers, and becomes the program. Separate, because next to no request has any.
 * Pure. printf(1p), sh(1p).
 */
import { encodeByteText } from "../http/byte_text.ts";
import type { ChildCommand } from "./child.ts";

type Texts = Pick<ChildCommand, "words" | "environment">;

/** What a shell takes for the name of a variable; others it may not pass on, which is a limit of this way. */
const NAME = /^[A-Za-z_]\w*$/;
/** Variables that shells make by themselves. */
const OWN = ["PWD", "OLDPWD", "SHLVL"];

/**
 * The same command, by way of a shell where it holds bytes that are not UTF-8. They go there in variables, for words are
 * for everybody on the machine to see. Throws TypeError for a text with a NUL in it.
 */
export function byShell({ words, environment }: Texts): Texts {
  const odd = Object.entries(environment).filter(([name, value]) => !value.isWellFormed() && NAME.test(name));
  const oddWords = words.flatMap((word, index): (readonly [string, string])[] =>
    word.isWellFormed() ? [] : [[`lisod_word_${index}`, word]]
  );
  if (odd.length === 0 && oddWords.length === 0) return { words, environment };
  const made = [...odd, ...oddWords];
  const script = [
    // What $( ) gives has lost its line ends; the full stop keeps them.
    ...made.map(([name], index) => `${name}=$(printf %b. "$LISOD_TEXT_${index}"); ${name}=\${${name}%.}`),
    ...odd.map(([name]) => `export ${name}`),
    `unset ${[...made.keys()].map((index) => `LISOD_TEXT_${index}`).join(" ")}`,
    ...OWN.filter((name) => !(name in environment)).map((name) => `unset ${name}`),
    `exec ${
      words.map((word, index) => word.isWellFormed() ? `"\${${index + 1}}"` : `"$lisod_word_${index}"`).join(" ")
    }`,
  ];
  const oddNames = Object.keys(environment).filter((name) => !environment[name].isWellFormed());
  const texts = Object.fromEntries(made.map(([, text], index) => [`LISOD_TEXT_${index}`, toOctal(text)]));
  const plain = Object.fromEntries(Object.entries(environment).filter(([name]) => !oddNames.includes(name)));
  const given = words.map((word) => word.isWellFormed() ? word : "");
  return { words: ["/bin/sh", "-c", script.join("; "), "sh", ...given], environment: { ...plain, ...texts } };
}

/** Each byte as printf has it. */
function toOctal(text: string): string {
  if (text.includes("\0")) throw new TypeError("A word or variable of a program has a NUL in it");
  const bytes = new Uint8Array(3 * text.length);
  return Array.from(bytes.subarray(0, encodeByteText(text, bytes)), (byte) => `\\0${byte.toString(8)}`).join("");
}
