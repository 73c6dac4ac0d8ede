import { assert, assertEquals, assertMatch, assertThrows, fail } from "@std/assert";
import { DEFAULT_LIMITS } from "../limits.ts";
import { COMBINED } from "../log/access_format.ts";
import { RULES } from "../rules.ts";
import { type Plain, plainValues } from "../../tests/plain_values.ts";
import { type Config, parseCommandLine, type Surroundings } from "./config.ts";
import type { AccessConfig, SiteAccess } from "./access_config.ts";
import type { PlacePrograms } from "./cgi_config.ts";
import type { CredentialFiles } from "../net/load_credentials.ts";
import type { FileSettings } from "../static/static_files.ts";
import { OPTIONS } from "./options.ts";
import { type Given, UsageError } from "../start_error.ts";
import type { PlaceConfig } from "./sites_config.ts";
import { configFilesOf, NO_FILES } from "../../tests/config_texts.ts";

const HERE: Surroundings = {
  cwd: "/home/liso",
  environment: {},
  configFiles: NO_FILES,
};
const EIGHT = ["8080", "8443", "../lisod.log", "lisod.lock", "www", "cgi/blog.py", "grader.key", "/etc/grader.crt"];

/** Of one site: what is mounted at its root and at the prefix of programs, and how. */
type PlainConfig = Omit<Plain<Config>, "sites" | "access" | "given"> & {
  readonly root: string;
  readonly cgiPath: string | null;
  readonly files: Plain<FileSettings>;
  readonly programs: Plain<PlacePrograms>;
  readonly access: Plain<AccessConfig & SiteAccess>;
  readonly credentials: Plain<CredentialFiles> | null;
};

function credentialsOf(keyFile: string, certificateFile: string): Plain<CredentialFiles> {
  return { keyFile, certificateFile, passphraseFile: null };
}

function pathOf({ source }: PlaceConfig): Given | null {
  return source.kind === "redirect" ? null : source.path;
}

function viewOf({ sites, access, given: _, ...config }: Config): PlainConfig {
  const [{ places: [whole, ...others], rules, realms, requirements, credentials }] = sites;
  const program = others.find(({ source: { kind } }) => kind === "programs");
  return plainValues({
    ...config,
    credentials,
    root: pathOf(whole) ?? fail("A root that is none of files"),
    cgiPath: program === undefined ? null : pathOf(program),
    files: whole.files,
    programs: whole.programs,
    access: { ...access, rules, realms, requirements },
  });
}

function wholeConfigOf(args: readonly string[], surroundings: Surroundings = HERE): Config {
  const command = parseCommandLine(args, surroundings);
  assert(command.kind === "serve" || command.kind === "check", `kind is ${command.kind}`);
  return command.config;
}

function configOf(args: readonly string[], surroundings: Surroundings = HERE): PlainConfig {
  return viewOf(wholeConfigOf(args, surroundings));
}

/** The Config of `--root www` with some fields changed by `args`. */
function configWith(...args: readonly string[]): PlainConfig {
  return configOf(["--root", "www", ...args]);
}

const DEFAULT_FILES = {
  listing: false,
  indexNames: ["index.html"],
  servesDotFiles: false,
  charset: "auto",
  compression: "static",
  mediaTypes: [],
} as const;

const DEFAULT_CONFIG: PlainConfig = {
  http: [{ port: 8080, hostname: null }],
  https: [],
  socketFiles: [],
  handedSockets: [],
  credentials: null,
  redirectsToHttps: false,
  hstsSeconds: null,
  usesHttp2: true,
  root: "/home/liso/www",
  cgiPath: null,
  refusesUnknownHosts: false,
  programs: { handlers: {}, told: { passesAuthorization: false, isWarm: false, environment: {} }, run: null },
  cgi: {
    maxScripts: 32,
    maxQueue: 256,
    user: null,
    resources: { cpuSeconds: null, memoryBytes: null, fileCount: null, processCount: null },
    spoolFolder: "/tmp",
  },
  access: {
    rules: [],
    realms: [],
    requirements: [],
    proxies: [],
    trustsUnixSockets: false,
    defaultFields: [["X-Content-Type-Options", "nosniff"]],
    fields: [],
    alwaysFields: [],
  },
  rules: RULES.standard,
  rulesName: "standard",
  files: DEFAULT_FILES,
  errorPagesFolder: null,
  logFile: null,
  isAccessLogged: true,
  accessLogFile: null,
  ownAccessLogs: [],
  logLevel: "info",
  logFormat: COMBINED,
  lockFile: null,
  workerCount: 1,
  usesNative: true,
  user: null,
  group: null,
  foreground: true,
  isUpgrade: false,
  limits: DEFAULT_LIMITS,
  reloadFolders: [],
};

Deno.test("parseCommandLine() makes a Config of defaults when only the root is named", () => {
  assertEquals(configOf(["--root", "www"]), DEFAULT_CONFIG);
  assertEquals(parseCommandLine(["--root", "www"], HERE).kind, "serve");
});

Deno.test("parseCommandLine() reads the eight arguments under the course's rules", () => {
  assertEquals(configOf(EIGHT), {
    ...DEFAULT_CONFIG,
    https: [{ port: 8443, hostname: null }],
    credentials: credentialsOf("/home/liso/grader.key", "/etc/grader.crt"),
    cgiPath: "/home/liso/cgi/blog.py",
    rules: RULES.course,
    usesHttp2: false,
    rulesName: "course",
    files: { ...DEFAULT_FILES, charset: "off", compression: "off" },
    limits: { ...DEFAULT_LIMITS, maxPerAddress: 10_000, scriptSharePercent: 100 },
    logFile: "/home/lisod.log",
    lockFile: "/home/liso/lisod.lock",
    foreground: false,
  });
});

Deno.test("parseCommandLine() takes one argument for the folder to serve", () => {
  assertEquals(configOf(["www"]), DEFAULT_CONFIG);
  assertEquals(configOf(["--listing", "--", "--x"]).root, "/home/liso/--x");
  const [{ places: [{ source }] }] = wholeConfigOf(["www"]).sites;
  assert(source.kind === "files");
  assertEquals(source.path, { argument: "<folder>", value: "/home/liso/www" });
});

Deno.test("parseCommandLine() gives each option its field", () => {
  const cases: [readonly string[], Partial<PlainConfig>][] = [
    [["--http", "0"], { http: [{ port: 0, hostname: null }] }],
    [["--http=65535"], { http: [{ port: 65_535, hostname: null }] }],
    [["--http", "0080"], { http: [{ port: 80, hostname: null }] }],
    [["--listen", "127.0.0.1"], { http: [{ port: 8080, hostname: "127.0.0.1" }] }],
    [["--listen", "::1"], { http: [{ port: 8080, hostname: "::1" }] }],
    [["--listen", "[::1]"], { http: [{ port: 8080, hostname: "::1" }] }],
    [["--https", "1", "--key", "k", "--certificate", "c"], {
      http: [],
      https: [{ port: 1, hostname: null }],
      credentials: credentialsOf("/home/liso/k", "/home/liso/c"),
    }],
    [["--https", "0", "--http", "0", "--key=k", "--certificate=c"], {
      http: [{ port: 0, hostname: null }],
      https: [{ port: 0, hostname: null }],
      credentials: credentialsOf("/home/liso/k", "/home/liso/c"),
    }],
    [["--https", "1", "--key=/k", "--certificate=/c", "--listen", "::1"], {
      http: [],
      https: [{ port: 1, hostname: "::1" }],
      credentials: credentialsOf("/k", "/c"),
    }],
    [["--cgi", "../cgi-bin/"], { cgiPath: "/home/cgi-bin" }],
    [["--rules", "course"], {
      rules: RULES.course,
      usesHttp2: false,
      rulesName: "course",
      files: { ...DEFAULT_FILES, charset: "off", compression: "off" },
      limits: { ...DEFAULT_LIMITS, maxPerAddress: 10_000, scriptSharePercent: 100 },
    }],
    [["--rules", "standard"], {}],
    [["--listing"], { files: { ...DEFAULT_FILES, listing: true } }],
    [["--listing=false"], {}],
    [["--dot-files"], { files: { ...DEFAULT_FILES, servesDotFiles: true } }],
    [["--media-type", "README=text/plain"], { files: { ...DEFAULT_FILES, mediaTypes: [["README", "text/plain"]] } }],
    [["--charset", "koi8-r"], { files: { ...DEFAULT_FILES, charset: { name: "koi8-r" } } }],
    [["--compress", "all"], { files: { ...DEFAULT_FILES, compression: "all" } }],
    [["--charset", "off"], { files: { ...DEFAULT_FILES, charset: "off" } }],
    [["--error-pages", "/srv/pages"], { errorPagesFolder: "/srv/pages" }],
    [["--log", "a.log"], { logFile: "/home/liso/a.log" }],
    [["--access-log", "b.log"], { accessLogFile: "/home/liso/b.log" }],
    [["--access-log", "off"], { isAccessLogged: false }],
    [["--log", "-", "--access-log", "-"], { logFile: "/dev/stderr", accessLogFile: "/dev/stdout" }],
    [["--log", "-", "--access-log", "/dev/stderr"], { logFile: "/dev/stderr", accessLogFile: "/dev/stderr" }],
    [["--log=-", "--listing"], { logFile: "/dev/stderr", files: { ...DEFAULT_FILES, listing: true } }],
    [["--log=./-"], { logFile: "/home/liso/-" }],
    [["--access-log", "off", "--log", "off"], { isAccessLogged: false, logFile: "/home/liso/off" }],
    [["--access-log", "./off"], { accessLogFile: "/home/liso/off" }],
    [["--log-level", "error"], { logLevel: "error" }],
    [["--lock", "l"], { lockFile: "/home/liso/l" }],
    [["--foreground"], {}],
    [["--daemon", "--log", "l"], { foreground: false, logFile: "/home/liso/l" }],
    [["--workers", "64"], { workerCount: 64 }],
    [["--native", "off"], { usesNative: false }],
    [["--native", "on", "--workers", "2"], { usesNative: true, workerCount: 2 }],
    [["--user", "www-data"], { user: "www-data" }],
    [["--user", "www-data", "--group", "adm"], { user: "www-data", group: "adm" }],
    [["--max-line-bytes", "16k"], { limits: { ...DEFAULT_LIMITS, maxLineBytes: 16_384 } }],
    [["--keep-alive-ms", "0", "--head-ms=5s"], { limits: { ...DEFAULT_LIMITS, keepAliveMs: 0, headMs: 5000 } }],
    [["--head-ms", "2147483647"], { limits: { ...DEFAULT_LIMITS, headMs: 2_147_483_647 } }],
    [["--log-flush-ms", "1m"], { limits: { ...DEFAULT_LIMITS, logFlushMs: 60_000 } }],
    [["--reload-folders", "/srv", "--reload-folders=sites"], { reloadFolders: ["/srv", "/home/liso/sites"] }],
    [["--max-connection-count", "7"], { limits: { ...DEFAULT_LIMITS, maxConnectionCount: 7 } }],
  ];
  for (const [args, want] of cases) assertEquals(configWith(...args), { ...DEFAULT_CONFIG, ...want }, args.join(" "));
});

Deno.test("parseCommandLine() keeps the argument that each file, port and user was given by", () => {
  const options = "key certificate key-passphrase root cgi error-pages log access-log lock user group".split(" ");
  const given = (config: Config) => [
    config.http.at(0)?.argument,
    config.https.at(0)?.argument,
    ...Object.values(config.sites[0].credentials ?? {}).map((file) => file?.argument),
    ...config.sites[0].places.map((place) => pathOf(place)?.argument),
    ...[config.errorPagesFolder, config.logFile, config.accessLogFile, config.lockFile, config.user, config.group].map((
      each,
    ) => each?.argument),
    ...Object.values(config.sites[0].places[0].programs.handlers).map(({ argument }) => argument),
    config.cgi.spoolFolder.argument,
    ...config.sites[0].realms.map(({ file }) => file.argument),
  ];
  const more = { "cgi-handler": ".a=/b", "cgi-spool": "s", auth: "A:u:/" };
  const named = [
    ...["--http=1", "--https=2", ...options.map((name) => `--${name}=/${name}`)],
    ...Object.entries(more).map(([name, value]) => `--${name}=${value}`),
  ];
  assertEquals(
    given(wholeConfigOf(named)),
    ["http", "https", ...options, ...Object.keys(more)].map((name) => `--${name}`),
  );
  const file = named.map((option) => option.slice(2).replace("=", " = ")).join("\n");
  assertEquals(
    given(wholeConfigOf(["--config=/c"], { ...HERE, configFiles: configFilesOf({ "/c": file }) })),
    ["http", "https", ...options, ...Object.keys(more)].map((name, index) => `/c:${index + 1}: ${name}`),
  );
  const { http, https, sites, logFile, lockFile } = wholeConfigOf(EIGHT);
  const { keyFile, certificateFile } = sites[0].credentials ?? fail("No credentials");
  const paths = sites[0].places.map(pathOf);
  assertEquals(
    [http[0], https[0], logFile, lockFile, ...paths, keyFile, certificateFile].map((each) => each?.argument),
    [
      ...["<HTTP port>", "<HTTPS port>", "<log file>", "<lock file>", "<www folder>", "<CGI script path>"],
      ...["<private key file>", "<certificate file>"],
    ],
  );
});

Deno.test("parseCommandLine() keeps text as text, whatever it looks like", () => {
  for (const name of ["1", "007", "1e3", "0x10", "true", "false", "null", "a=b", "a b", "é", "*", "--=x"]) {
    assertEquals(configWith(`--log=${name}`).logFile, `/home/liso/${name}`, name);
  }
  for (const name of ["1", "007", "1e3", "0x10", "true", "a=b"]) {
    assertEquals(configWith("--log", name).logFile, `/home/liso/${name}`, name);
    assertEquals(configOf(EIGHT.with(4, name)).root, `/home/liso/${name}`, name);
  }
});

Deno.test("parseCommandLine() takes options before, between and after the eight arguments", () => {
  for (let at = 0; at <= EIGHT.length; at++) {
    const config = configOf([...EIGHT.slice(0, at), "--foreground", ...EIGHT.slice(at)]);
    assertEquals(config, { ...configOf(EIGHT), foreground: true }, `at ${at}`);
  }
  assertEquals(configOf(["--rules", "standard", ...EIGHT]).rulesName, "standard");
  assertEquals(configOf([...EIGHT, "--rules", "standard"]).rulesName, "standard");
});

Deno.test("parseCommandLine() takes everything after -- as one of the eight arguments", () => {
  const config = configOf(["--foreground", "--", ...EIGHT.with(2, "--log").with(4, "-x")]);
  assertEquals([config.logFile, config.root], ["/home/liso/--log", "/home/liso/-x"]);
});

Deno.test("parseCommandLine() resolves relative paths against the folder that is passed in", () => {
  const paths: [string, string][] = [["www", "/srv/a/www"], [".", "/srv/a"], ["../b/./c/", "/srv/b/c"], [
    "/x/../y",
    "/y",
  ]];
  for (const [path, want] of paths) {
    assertEquals(configOf(["--root", path], { ...HERE, cwd: "/srv/a" }).root, want);
  }
});

Deno.test("parseCommandLine() stays in the foreground when the environment says so", () => {
  const cases: [string | undefined, boolean][] = [["1", true], [undefined, false], ["0", false], ["", false], [
    "yes",
    false,
  ]];
  for (const [value, want] of cases) {
    const config = configOf(EIGHT, { ...HERE, environment: { LISOD_FOREGROUND: value } });
    assertEquals(config.foreground, want, String(value));
  }
});

Deno.test("parseCommandLine() tells the four commands apart", () => {
  const cases: [readonly string[], string][] = [
    [["--help"], "help"],
    [["-h"], "help"],
    [["--help", "--root", "a", "--root", "b"], "help"],
    [["1", "2", "--help"], "help"],
    [["--version"], "version"],
    [["-V"], "version"],
    [["--help=false", "-V"], "version"],
    [["--help", "--version"], "help"],
    [["--check", "--root", "www"], "check"],
    [["--check", ...EIGHT], "check"],
    [["--root", "www"], "serve"],
  ];
  for (const [args, want] of cases) assertEquals(parseCommandLine(args, HERE).kind, want, args.join(" "));
});

Deno.test("parseCommandLine() refuses wrong arguments in one line that names them", () => {
  const see = "see lisod --help";
  const eight = `give all eight, one folder, or options alone (${see})`;
  const dash = `${see}; a value that begins with - is given as --option=VALUE`;
  const port = "not a port: give a number from 0 to 65535";
  const cases: [readonly string[], string][] = [
    [[], `--root: no folder to serve: give --root FOLDER or all eight arguments (${see})`],
    [["--http", "1"], `--root: no folder to serve: give --root FOLDER or all eight arguments (${see})`],
    [["--rot", "www"], `option "--rot": unknown: did you mean --root? Else ${dash}`],
    [["--rot=www"], `option "--rot=www": unknown: did you mean --root? Else ${dash}`],
    [["-x"], `option "-x": unknown: ${dash}`],
    [["-root", "www"], `option "-root": unknown: did you mean --root? Else ${dash}`],
    [["--Root", "www"], `option "--Root": unknown: did you mean --root? Else ${dash}`],
    [["--cert=x"], `option "--cert=x": unknown: did you mean --certificate? Else ${dash}`],
    [["--chekc"], `option "--chekc": unknown: did you mean --check? Else ${dash}`],
    [["--no-listing"], `option "--no-listing": unknown: ${dash}`],
    [["--no-listing=true"], `option "--no-listing=true": unknown: ${dash}`],
    [["--no-root=x"], `option "--no-root=x": unknown: ${dash}`],
    [["--constructor=x"], `option "--constructor=x": unknown: ${dash}`],
    [["--__proto__", "x"], `option "--__proto__": unknown: ${dash}`],
    [["--root.x=y"], `option "--root.x=y": unknown: did you mean --root? Else ${dash}`],
    [["--a\nb"], `option "--a\\nb": unknown: ${dash}`],
    [["--listing=no"], '--listing "no": takes no value: give --listing alone'],
    [["--listing="], '--listing "": takes no value: give --listing alone'],
    [["--root"], "--root: its value is missing: give --root=FOLDER"],
    [["--root", "--listing"], "--root: its value is missing: give --root=FOLDER"],
    [["--root="], "--root: its value is missing: give --root=FOLDER"],
    [["--root", ""], "--root: its value is missing: give --root=FOLDER"],
    [["--root", "a", "--root", "b"], '--root "b": already given: give it once'],
    [["--root", "a", "--root", "a"], '--root "a": already given: give it once'],
    [["--root", "a", "--listing", "--listing"], '--listing "true": already given: give it once'],
    [["--root", "a\0b"], '--root "a\\u0000b": holds a NUL character: give a path'],
    [["--root", "a", "--http", "65536"], `--http "65536": ${port}`],
    [["--root", "a", "--http", "-1"], "--http: its value is missing: give --http=PORT"],
    [["--root", "-"], "--root: its value is missing: give --root=FOLDER"],
    [["--_"], `option "--_": unknown: ${dash}`],
    [["-_", "x"], `option "-_": unknown: ${dash}`],
    [["-hx"], `option "-hx": unknown: ${dash}`],
    [["-h=x"], `option "-h=x": unknown: ${dash}`],
    [["--help", "--rot"], `option "--rot": unknown: did you mean --root? Else ${dash}`],
    [["--root", "a", "--http=-1"], `--http "-1": ${port}`],
    [["--root", "a", "--http", "8080x"], `--http "8080x": ${port}`],
    [["--root", "a", "--http", "8e3"], `--http "8e3": ${port}`],
    [["--root", "a", "--rules", "Course"], '--rules "Course": unknown: give course or standard'],
    [["--root", "a", "--log-level", "warning"], '--log-level "warning": unknown: give debug or info or warn or error'],
    [["--root", "a", "--https", "1"], '--https "1": --key is missing: give --key FILE'],
    [["--root", "a", "--https", "1", "--key", "k"], '--https "1": --certificate is missing: give --certificate FILE'],
    [["--root", "a", "--workers", "0"], '--workers "0": too small: give 1 to 64'],
    [["--root", "a", "--workers", "65"], '--workers "65": too large: give 1 to 64'],
    [["--root", "a", "--native", "maybe"], '--native "maybe": unknown: give on or off'],
    [
      ["--root", "a", "--native", "off", "--workers", "2"],
      '--workers "2": several cannot listen on one port with --native off: give 1',
    ],
    [["--root", "a", "--workers", "two"], '--workers "two": not a whole number: give N'],
    [["--root", "a", "--group", "g"], '--group "g": --user is missing: give --user NAME too'],
    [
      ["--root", "a", "--upgrade", "--http", "0", "--lock", "l"],
      '--http "0": any free port is not the one of the server that runs: give its port beside --upgrade',
    ],
    [
      ["--root", "a", "--upgrade"],
      "--upgrade: --lock is missing, which says whose place it takes: give the --lock of the server that runs",
    ],
    [["--root", "a", "--daemon", "--foreground"], "--daemon: together with --foreground: give one of the two"],
    [["--root", "a", "--daemon", "--log", "-"], '--log "-": a daemon has no such stream: name a file, or --foreground'],
    [
      EIGHT.with(2, "/dev/stdout"),
      '<log file> "/dev/stdout": a daemon has no such stream: name a file, or --foreground',
    ],
    [["--root", "a", "--max-line-bytes", "0"], '--max-line-bytes "0": too small: give at least 1'],
    [
      ["--root", "a", "--head-ms", "1h"],
      '--head-ms "1h": not a time such as 500ms, 20s or 5m: leave it out for 20s',
    ],
    [["--root", "a", "--head-ms", "2147483648"], '--head-ms "2147483648": too large: give at most 2147483647'],
    [["--root", "a", "--log-flush-ms", "2m"], '--log-flush-ms "2m": too large: give at most 60000'],
    [
      ["--root", "a", "--max-head-bytes", "64kB"],
      '--max-head-bytes "64kB": not a size such as 8192, 8k or 1M: leave it out for 64k',
    ],
    [
      ["--root", "a", "--max-field-count", "1k"],
      '--max-field-count "1k": not a whole number: leave it out for 100',
    ],
    [["--root", "a", "--lock", "x", "--log", "./x"], '--lock "x": the same file as --log: give two files'],
    [["--root", "a", "--access-log", "x", "--log", "x"], '--access-log "x": the same file as --log: give two files'],
    [["--root", "a", "--lock", "x", "--access-log", "x"], '--lock "x": the same file as --access-log: give two files'],
    [["www", "--root", "a"], '--root "a": already given as <folder>: give it once'],
    [["80", "443"], `argument "443": 2 arguments, and no <log file> follows: ${eight}`],
    [
      EIGHT.slice(0, 7),
      `argument "grader.key": 7 arguments, and no <certificate file> follows: ${eight}`,
    ],
    [[...EIGHT, "x"], `argument "x": 9 arguments, not eight: ${eight}`],
    [EIGHT.with(0, "http"), `<HTTP port> "http": ${port}`],
    [EIGHT.with(1, "99999"), `<HTTPS port> "99999": ${port}`],
    [EIGHT.with(1, "8080"), '<HTTPS port> "8080": also the port for HTTP: give two ports'],
    [EIGHT.with(1, "08080"), '<HTTPS port> "08080": also the port for HTTP: give two ports'],
    [EIGHT.with(4, ""), "<www folder>: its value is missing: give a FOLDER"],
    [EIGHT.with(3, "../lisod.log"), '<lock file> "../lisod.log": the same file as <log file>: give two files'],
    [[...EIGHT, "--log", "x"], '--log "x": already given as <log file>: give it once'],
    [[...EIGHT, "--http", "8080"], '--http "8080": already given as <HTTP port>: give it once'],
  ];
  for (const [args, want] of cases) {
    const error = assertThrows(() => parseCommandLine(args, HERE), UsageError);
    assertEquals(error.message, want, args.join(" "));
    assertEquals(error.exitCode, 2);
  }
});

Deno.test("parseCommandLine() throws nothing but one line for 20,000 random command lines", () => {
  const words = [
    ...OPTIONS.map((option) => `--${option.name}`),
    ...EIGHT,
    "--",
    "-",
    "---",
    "",
    "=",
    "--=",
    "--root=",
    "--no-root",
    "-h=",
    "true",
    "false",
    "__proto__",
    "--__proto__.x",
    "--_",
    "--_=x",
    "\n",
    "\u{1f600}",
    "\ud800",
  ];
  let seed = 20_260_101;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  let acceptedCount = 0;
  for (let round = 0; round < 20_000; round++) {
    const args = Array.from({ length: random(12) }, () => words[random(words.length)]);
    try {
      const command = parseCommandLine(args, HERE);
      if ("config" in command) {
        assert(pathOf(command.config.sites[0].places[0])?.value.startsWith("/"), JSON.stringify(args));
      }
      acceptedCount++;
    } catch (error) {
      if (!(error instanceof UsageError)) throw new Error(`For ${JSON.stringify(args)}`, { cause: error });
      assertMatch(error.message, /^[^\n\r]+: [^\n\r]+: [^\n\r]+$/, JSON.stringify(args));
    }
  }
  assert(acceptedCount > 0, "no command line was accepted");
});

/** The Config of `args` where /etc/lisod.conf and ./site/lisod.conf hold `text`. */
function configWithFile(text: string, ...args: readonly string[]): PlainConfig {
  const configFiles = configFilesOf({ "/etc/lisod.conf": text, "/home/liso/site/lisod.conf": text });
  return configOf(args, { ...HERE, configFiles });
}

Deno.test("parseCommandLine() takes from the file of --config what the command line does not give", () => {
  const etc = ["--config", "/etc/lisod.conf"];
  const here = ["--config", "site/lisod.conf"];
  const cases: [string, readonly string[], Partial<PlainConfig>][] = [
    ["root = /srv", etc, { root: "/srv" }],
    ["root = www", etc, { root: "/etc/www" }],
    ["root = www\nauth = A:users:/", here, {
      root: "/home/liso/site/www",
      access: {
        ...DEFAULT_CONFIG.access,
        realms: [{
          name: "A",
          file: "/home/liso/site/users",
          prefix: configOf(["--root=/", "--auth=A:u:/"]).access.realms[0].prefix,
        }],
      },
    }],
    ["root = www", [...here, "--root", "www"], { root: "/home/liso/www" }],
    ["root = /srv\nlisting\nhttp = 80", [...etc, "--listing=false", "--http", "81"], {
      root: "/srv",
      http: [{ port: 81, hostname: null }],
    }],
    ["root = /srv\nheader = X-A: 1\nheader = X-B: 2", etc, {
      root: "/srv",
      access: { ...DEFAULT_CONFIG.access, fields: [...DEFAULT_CONFIG.access.fields, ["X-A", "1"], ["X-B", "2"]] },
    }],
    ["root = /srv\nheader = X-A: 1\nheader = X-B: 2", [...etc, "--header", "X-C: 3"], {
      root: "/srv",
      access: { ...DEFAULT_CONFIG.access, fields: [...DEFAULT_CONFIG.access.fields, ["X-C", "3"]] },
    }],
    ["root = /srv\ndaemon = on\nlog = /l", etc, { root: "/srv", foreground: false, logFile: "/l" }],
    ["root = /srv\ndaemon = on\nlog = /l", [...etc, "--foreground"], { root: "/srv", logFile: "/l" }],
    ["root = /srv\nforeground = on\nlog = /l", [...etc, "--daemon"], {
      root: "/srv",
      foreground: false,
      logFile: "/l",
    }],
    ["listing = on\nmax-body-bytes = 1k", [...etc, ...EIGHT], {
      ...configOf(EIGHT),
      files: { ...configOf(EIGHT).files, listing: true },
      limits: { ...configOf(EIGHT).limits, maxBodyBytes: 1024 },
    }],
    ["http = 1\nroot = /elsewhere", [...etc, ...EIGHT], configOf(EIGHT)],
  ];
  for (const [text, args, want] of cases) {
    assertEquals(configWithFile(text, ...args), { ...DEFAULT_CONFIG, ...want }, text);
  }
});

Deno.test("parseCommandLine() names file and line when a value in the file is wrong", () => {
  const cases: [string, string][] = [
    ["root = /a\nhttp = x", '/etc/lisod.conf:2: http "x": not a port: give a number from 0 to 65535'],
    ["root = /a\nroot = /b", '/etc/lisod.conf:2: root "/b": already given as /etc/lisod.conf:1: root: give it once'],
    ["root = /a\nmax-body-bytes = much", '/etc/lisod.conf:2: max-body-bytes "much": not a size such as 8192, 8k or 1M'],
    ["root = /a\nallow = nobody", '/etc/lisod.conf:2: allow "nobody": not an address range and a prefix'],
    ["log = /a\nlock = /a", '/etc/lisod.conf:2: lock "/a": the same file as /etc/lisod.conf:1: log'],
  ];
  for (const [text, want] of cases) {
    const error = assertThrows(() => configWithFile(text, "--config=/etc/lisod.conf"), UsageError);
    assert(error.message.startsWith(want), error.message);
  }
});

Deno.test("parseCommandLine() refuses a second --config, and reads none when help is asked for", () => {
  assertThrows(() => configOf(["--config", "a", "--config", "b"]), UsageError, "already given");
  assertEquals(parseCommandLine(["--config", "a", "--help"], HERE), { kind: "help" });
});
