/**
 * How an interpreter becomes a zygote: its command line, and the text that it reads from standard input. Separate, because
 * each language has its own way to run something in place of a script. The texts are a part of the binary.
 */
import PERL from "./zygote.pl" with { type: "text" };
import PYTHON from "./zygote.py" with { type: "text" };
import PYTHON_CHILD from "./zygote_child.py" with { type: "text" };
import PYTHON_IMPORT from "./zygote_import.py" with { type: "text" };
import PYTHON_REHEARSAL from "./zygote_rehearsal.py" with { type: "text" };
import type { Interpreter, Language } from "./interpreter.ts";

/** What a zygote of that language is started with. */
export interface Bootstrap {
  /** Program and arguments; `script` is the absolute path. */
  words(interpreter: Interpreter, script: string): readonly string[];
  readonly text: string;
}

/**
 * Perl compiles the script that its command line names, as always; this runs before, and returns in each child. The words
 * behind -M are a statement, which takes the text from standard input, also where that is not to be trusted (-T).
 */
const PERL_LOADER =
  "-Mstrict ();BEGIN{my$z='';1 while sysread STDIN,$z,65536,length$z;$z=~/(.*)/s;eval$1;die$@if$@}BEGIN{Lisod::Zygote::serve()}";

export const BOOTSTRAPS: Readonly<Record<Language, Bootstrap>> = {
  // "-" is what a script's path would be in the place of.
  python: {
    words: ({ words }) => [...words, "-"],
    text: [PYTHON_REHEARSAL, PYTHON_IMPORT, PYTHON_CHILD, PYTHON].join("\n"),
  },
  perl: { words: ({ words }, script) => [...words, PERL_LOADER, script], text: PERL },
};
