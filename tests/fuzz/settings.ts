/**
 * Mutated command lines, configuration files and files of users: nothing but the error that names what is wrong, in one
 * line that no value can break, and never a Config with a limit that is none. Pure.
 */
import { parsePasswordFile, PasswordFileError } from "../../lib/access/password_file.ts";
import { parseCommandLine } from "../../lib/config/config.ts";
import { parseConfigFile } from "../../lib/config/config_file.ts";
import { OPTIONS } from "../../lib/config/options.ts";
import { UsageError } from "../../lib/start_error.ts";
import { choose, type FuzzOptions, isOneLine, mutateOften, playCases, type Random } from "./mutate.ts";
import { NO_FILES } from "../config_texts.ts";

const ARGUMENTS = [
  ...["--root=www", "--http=8080", "--https=8443", "--key=k", "--certificate=c", "--listing", "--log-level=debug"],
  ...["--max-line-bytes=8k", "--head-ms=20s", "--allow=10.0.0.0/8:/a", "--auth=R:file:/a", "--header=A: b"],
  ...["--proxy=::1", "--cgi-handler=.php=/usr/bin/php-cgi", "--cgi-env=A=b", "80", "443", "log", "lock", "--", "-h"],
];

/** For any option: quantities of each kind, the last ones beyond what a number holds exactly. */
const VALUES = ["1", "8k", "20s", "9007199254740991G", "9007199254740991m"];

const SNIPPETS: readonly string[] = [
  ...["-", "--", "=", ":", "/", "0", "-1", "1e9", "9007199254740991", "k", "M", "ms", "s", " ", "\n"],
  ...["\0", '"', "\\", "no-", "__proto__", "constructor", "_", "true", "false", "on", "off", "\xff", "€"],
  ...["#", "x".repeat(300), "..", "%"],
];

const USERS =
  "eva:$apr1$phMz1Goy$qNNd5nKFxEzBvDoxpm2h81\nadam:$2y$05$JdreT5M0jsfknyHeiIDMHu.eDzslP.C5yczWiI5IpjwmzGSNQmxIC\n";

/** Throws plain Error naming the case. */
export function fuzzSettings(options: FuzzOptions): Promise<void> {
  return playCases(options, (_, random) => playArguments(random) ?? playConfigFile(random) ?? playUsers(random));
}

function playArguments(random: Random): string | null {
  const args = Array.from({ length: random(6) }, () => {
    const option = random(3) === 0
      ? `--${choose(OPTIONS, random).name}=${choose(VALUES, random)}`
      : choose(ARGUMENTS, random);
    // Few changes: a command line that is refused for one argument says nothing of the others.
    return mutateOften(option, { random, snippets: SNIPPETS, count: random(3) === 0 ? 1 + random(2) : 0 });
  });
  if (random(2) === 0) args.push("--root=www");
  const problem = judge(() => {
    const command = parseCommandLine(args, { cwd: "/home/liso", environment: {}, configFiles: NO_FILES });
    if (!("config" in command)) return null;
    const { limits, sites } = command.config;
    const isAbsolute = sites.every(({ places }) =>
      places.every(({ source }) => source.kind === "redirect" || source.path.value.startsWith("/"))
    );
    const isSound = Object.values(limits).every((limit) => Number.isSafeInteger(limit) && limit >= 0);
    return isSound && isAbsolute ? null : JSON.stringify(command.config);
  });
  return problem === null ? null : `${problem}: ${JSON.stringify(args)}`;
}

function playConfigFile(random: Random): string | null {
  const lines = Array.from({ length: random(6) }, () => choose(ARGUMENTS, random).replace(/^--/, ""));
  const text = mutateOften(lines.join("\n"), { random, snippets: SNIPPETS, count: random(4) });
  const problem = judge(() => {
    parseConfigFile({ path: "/etc/lisod.conf", text }, NO_FILES);
    return null;
  });
  return problem === null ? null : `${problem}: ${JSON.stringify(text)}`;
}

function playUsers(random: Random): string | null {
  const text = mutateOften(USERS, { random, snippets: SNIPPETS, count: random(4) });
  try {
    parsePasswordFile(text);
    return null;
  } catch (error) {
    if (!(error instanceof PasswordFileError)) throw error;
    // Hashes and passwords are nobody's business.
    return error.message.includes("$") ? error.message : null;
  }
}

/** What is wrong, apart from a UsageError of one line. */
function judge(read: () => string | null): string | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return isOneLine(error.message) ? null : `Not one line: ${JSON.stringify(error.message)}`;
  }
}
