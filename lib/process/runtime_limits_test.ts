import { assertEquals } from "@std/assert";
import { type Config, parseCommandLine } from "../config/config.ts";
import { runtimeLimits } from "./runtime_limits.ts";
import { NO_FILES } from "../../tests/config_texts.ts";

function configOf(...args: readonly string[]): Config {
  const command = parseCommandLine(["--root", "www", ...args], {
    cwd: "/",
    environment: {},
    configFiles: NO_FILES,
  });
  if (!("config" in command)) throw new Error("No configuration");
  return command.config;
}

/** What is told, by the words that tell one line from the others. */
const TABLE: readonly {
  args: readonly string[];
  hasUntoldManager?: boolean;
  isFirst?: boolean;
  want: readonly string[];
}[] = [
  { args: [], want: ["write hangs", "max-unsent-bytes"] },
  {
    args: ["--https=0", "--key=key", "--certificate=crt"],
    want: ["write hangs", "max-unsent-bytes", "silent in its TLS handshake", "40 ms", "new certificate"],
  },
  { args: ["--cgi=cgi"], want: ["write hangs", "max-unsent-bytes", "programs inherit"] },
  { args: ["--daemon", "--log=log"], want: ["write hangs", "max-unsent-bytes", "keeps open", "standard error"] },
  { args: [], isFirst: true, want: ["write hangs", "max-unsent-bytes"] },
  { args: ["--cgi=cgi"], isFirst: true, want: ["write hangs", "max-unsent-bytes", "programs inherit", "zombies"] },
  { args: [], hasUntoldManager: true, want: ["write hangs", "max-unsent-bytes", "service manager"] },
];

for (const { args, hasUntoldManager = false, isFirst = false, want } of TABLE) {
  Deno.test(`runtimeLimits() tells what applies to ${args.join(" ") || "the least"}, ${want.at(-1)}`, () => {
    const told = runtimeLimits(configOf(...args), { hasUntoldManager, isFirst });
    assertEquals(told.map((line) => want.find((words) => line.includes(words)) ?? line), want);
  });
}
