import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Plain, plainValues } from "../../tests/plain_values.ts";
import type { CgiConfig, PlacePrograms } from "./cgi_config.ts";
import { parseCommandLine } from "./config.ts";
import { UsageError } from "../start_error.ts";
import { NO_FILES } from "../../tests/config_texts.ts";

function read(
  args: readonly string[],
  environment: Record<string, string | undefined> = {},
): Plain<CgiConfig & PlacePrograms> {
  const command = parseCommandLine(["--root", "www", ...args], {
    cwd: "/home/liso",
    environment,
    configFiles: NO_FILES,
  });
  assert(command.kind === "serve");
  const { cgi, sites: [{ places: [{ programs }] }] } = command.config;
  return plainValues({ ...cgi, ...programs });
}

const NO_RESOURCES = { cpuSeconds: null, memoryBytes: null, fileCount: null, processCount: null };

const READ: readonly (readonly [args: readonly string[], want: Partial<Plain<CgiConfig & PlacePrograms>>])[] = [
  [["--cgi-handler", ".php=/usr/bin/php-cgi"], { handlers: { ".php": "/usr/bin/php-cgi" } }],
  [["--cgi-handler", ".PHP=/usr/bin/PHP"], { handlers: { ".php": "/usr/bin/PHP" } }],
  [["--cgi-handler=.a=/x", "--cgi-handler=.b=/y=z"], { handlers: { ".a": "/x", ".b": "/y=z" } }],
  [["--cgi-handler=.a=/x", "--cgi-handler=off", "--cgi-handler=.b=/y"], { handlers: { ".b": "/y" } }],
  [["--cgi-handler=.a=/x", "--cgi-handler=.A=/y"], { handlers: { ".a": "/y" } }],
  [["--cgi-warm", "on"], { told: { passesAuthorization: false, isWarm: true, environment: {} } }],
  [["--cgi-warm", "off"], { told: { passesAuthorization: false, isWarm: false, environment: {} } }],
  [["--cgi-pass-auth"], { told: { passesAuthorization: true, isWarm: false, environment: {} } }],
  [["--cgi-env", "A=b=c", "--cgi-env", "B_2="], {
    told: { passesAuthorization: false, isWarm: false, environment: { A: "b=c", B_2: "" } },
  }],
  [["--cgi-max", "1", "--cgi-queue", "0"], { maxScripts: 1, maxQueue: 0 }],
  [["--cgi-user", "www-data"], { user: "www-data" }],
  [["--cgi-spool", "spool"], { spoolFolder: "/home/liso/spool" }],
  [["--cgi-limit-cpu", "10"], { resources: { ...NO_RESOURCES, cpuSeconds: 10 } }],
  [["--cgi-limit-memory", "64M"], { resources: { ...NO_RESOURCES, memoryBytes: 67_108_864 } }],
  [["--cgi-limit-files", "64"], { resources: { ...NO_RESOURCES, fileCount: 64 } }],
  [["--cgi-limit-processes", "0"], { resources: { ...NO_RESOURCES, processCount: 0 } }],
];

for (const [args, want] of READ) {
  Deno.test(`readCgiConfig() reads ${args.join(" ")}`, () => assertEquals(read(args), { ...read([]), ...want }));
}

Deno.test("readCgiConfig() takes PATH, LANG and TZ of the server's own environment, and no other variable", () => {
  const environment = { PATH: "/bin", LANG: "C", TZ: undefined, HOME: "/root", LISOD_FOREGROUND: "1" };
  assertEquals(read([], environment).told.environment, { PATH: "/bin", LANG: "C" });
  assertEquals(read(["--cgi-env", "PATH=/opt"], environment).told.environment, { PATH: "/opt", LANG: "C" });
});

const REFUSED: readonly (readonly string[])[] = [
  ["--cgi-handler", "php=/usr/bin/php-cgi"],
  ["--cgi-handler", ".php=php-cgi"],
  ["--cgi-handler", ".php"],
  ["--cgi-handler", ".tar.gz=/bin/tar"],
  ["--cgi-env", "A"],
  ["--cgi-env", "1A=b"],
  ["--cgi-env", "=b"],
  ["--cgi-max", "0"],
  ["--cgi-max", "many"],
  ["--cgi-queue=-1"],
  ["--cgi-limit-cpu", "0"],
  ["--cgi-limit-memory", "1T"],
  ["--cgi-user", "www-data", "--user", "nobody"],
];

for (const args of REFUSED) {
  Deno.test(`readCgiConfig() refuses ${args.join(" ")} and names the option`, () => {
    const [option] = args[0].split("=");
    assertThrows(() => read(args), UsageError, option);
  });
}

Deno.test("readCgiConfig() names what it refuses in one line when that has control characters", () => {
  for (const args of [["--cgi-env", "A\nB"], ["--cgi-handler", ".php\x1b[1m"]]) {
    const error = assertThrows(() => read(args), UsageError);
    assertEquals(error.message.match(/\p{Cc}/gu), null, error.message);
  }
});
