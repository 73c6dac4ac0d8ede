/** The command line of the bench: pure. */
import { parseArgs } from "@std/cli/parse-args";

export interface Options {
  readonly mode: "measure" | "list" | "readme" | "help";
  /** Rows by name; empty means all. */
  readonly only: readonly string[];
  /** Servers by name; empty means those of each row. */
  readonly peers: readonly string[];
  /** The server whose ratios to the others are given. */
  readonly base: string;
  readonly rounds: number;
  /** Of each run. */
  readonly seconds: number;
  /** The binary under test; null means ./lisod of the project. */
  readonly lisod: string | null;
  /** Another build of lisod that is measured beside it in every row; null means none. */
  readonly before: string | null;
  /** The folder for charts; null means artefacts/ of the project. */
  readonly charts: string | null;
}

export const USAGE = `deno task bench [options]

Measures lisod beside other servers: one core for the server, the other for the load, alternating rounds.
Markdown goes to standard output, progress to standard error, JSON and charts into artefacts/.

  --only ROW[,ROW]     measure these rows alone (a name, or its beginning with *)
  --peers NAME[,NAME]  measure these servers alone: nginx, nginx-tuned, lighttpd, apache, deno-serve,
                       bare-loop
  --base NAME          whose ratios to the others are given (default lisod; another name leaves lisod out)
  --rounds N           runs of each server in each row (default 7)
  --seconds N          length of a run (default 3)
  --quick              3 rounds of 1 second
  --lisod PATH         the binary under test (default ./lisod of the project)
  --before PATH        another build of lisod, measured beside it in every row as lisod-before
  --charts FOLDER      where the charts go (default artefacts/): bench.svg, and one for each family of rows
                       of growth that was measured
  --list               print the rows and measure nothing
  --readme             print the lines for readme.txt from the last run and measure nothing
  --help               print this
`;

/** What prints something and measures nothing, the first that is given. */
const MODES = ["help", "list", "readme"] as const;

/** Reads the arguments; throws Error that names the argument when one is wrong. */
export function readOptions(args: readonly string[]): Options {
  const parsed = parseArgs(args, {
    string: ["only", "peers", "base", "rounds", "seconds", "lisod", "before", "charts"],
    boolean: ["quick", "list", "readme", "help"],
    unknown: (argument) => {
      throw new Error(`Unknown argument "${argument}"; --help shows all`);
    },
  });
  const isQuick = parsed.quick === true;
  return {
    mode: MODES.find((mode) => parsed[mode] === true) ?? "measure",
    only: readNames(parsed.only),
    peers: readNames(parsed.peers),
    base: readText(parsed.base) ?? "lisod",
    rounds: readCount("--rounds", parsed.rounds) ?? (isQuick ? 3 : 7),
    seconds: readCount("--seconds", parsed.seconds) ?? (isQuick ? 1 : 3),
    lisod: readText(parsed.lisod),
    before: readText(parsed.before),
    charts: readText(parsed.charts),
  };
}

/** True when `names` is empty, holds `name`, or holds a beginning of it that ends in `*`. */
export function isChosen(name: string, names: readonly string[]): boolean {
  if (names.length === 0) return true;
  return names.some((wanted) => wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted);
}

function readText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function readNames(value: unknown): readonly string[] {
  return (readText(value) ?? "").split(",").filter((name) => name !== "");
}

/** A whole number from 1 to 1000; null when the option is absent. */
function readCount(option: string, value: unknown): number | null {
  if (value === undefined) return null;
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw new Error(`${option} takes a whole number from 1 to 1000, not "${value}"`);
  }
  return count;
}
