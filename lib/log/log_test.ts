import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { AccessRecord } from "./log_lines.ts";
import { Log, type LogConfig } from "./log.ts";
import { type Given, StartError } from "../start_error.ts";

const RECORD: AccessRecord = {
  remoteAddress: "::1",
  remoteUser: null,
  method: "GET",
  target: "/",
  version: "1.1",
  status: 200,
  bodyBytes: 5,
  referer: null,
  userAgent: null,
};
const ACCESS_LINE = '::1 - - "GET / HTTP/1.1" 200 5 "-" "-"';
const GREETING = `INFO log: lisod 1.0.0 opened this log, process ${Deno.pid}`;
const FLUSH_MS = 5;

function given(argument: string, value: string): Given {
  return { argument, value };
}

interface Place {
  readonly folder: string;
  readonly config: LogConfig;
  /** Opens a log in the folder; it is closed with the test. */
  open(changes?: Partial<LogConfig>): Log;
  /** The lines of a file, without their times. */
  lines(name: string): string[];
}

async function withPlace(test: (place: Place) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "lisod-log-" });
  const logs: Log[] = [];
  const config: LogConfig = {
    logFile: given("--log", join(folder, "lisod.log")),
    isAccessLogged: true,
    accessLogFile: null,
    logLevel: "info",
    limits: { ...DEFAULT_LIMITS, logFlushMs: FLUSH_MS },
  };
  try {
    await test({
      folder,
      config,
      open(changes = {}) {
        const log = Log.open({ ...config, ...changes }, { program: "lisod 1.0.0" });
        logs.push(log);
        return log;
      },
      lines: (name) =>
        Deno.readTextFileSync(join(folder, name)).split("\n").slice(0, -1).map((line) => line.replace(/\[.*?\] /, "")),
    });
  } finally {
    for (const log of logs) log.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Resolves after every timer of `ms` that was started before. */
function timersAreDue(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.test("Log.open() writes a first line with program, process and date before anything waits", () =>
  withPlace(({ folder, open, lines }) => {
    open({ logLevel: "error" });
    assertEquals(lines("lisod.log"), [GREETING]);
    const time = /^\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)\] INFO/;
    const text = Deno.readTextFileSync(join(folder, "lisod.log"));
    assertMatch(text, time);
    const [, day, month, year, clock, hours, minutes] = text.match(time) ?? [];
    const written = Date.parse(`${day} ${month} ${year} ${clock} GMT${hours}${minutes}`);
    assert(Math.abs(Date.now() - written) < 60_000, text);
  }));

Deno.test("Log.open() throws StartError that names the argument when a file cannot be opened", () =>
  withPlace(({ folder, open }) => {
    const bad = join(folder, "none", "a.log");
    const cases: [Partial<LogConfig>, string][] = [
      [{ logFile: given("--log", bad) }, `--log "${bad}": its folder does not exist`],
      [{ logFile: given("<log file>", bad) }, `<log file> "${bad}": its folder does not exist`],
      [{ accessLogFile: given("--access-log", bad) }, `--access-log "${bad}": its folder does not exist`],
    ];
    for (const [changes, want] of cases) assertThrows(() => open(changes), StartError, want);
  }));

Deno.test("Log writes messages of its level and above", () =>
  withPlace(({ folder, open, lines }) => {
    const all = ["DEBUG", "INFO", "WARN", "ERROR"];
    (["debug", "info", "warn", "error"] as const).forEach((logLevel, index) => {
      const log = open({ logLevel, logFile: given("--log", join(folder, logLevel)) });
      for (const level of ["debug", "info", "warn", "error"] as const) {
        assertEquals(log.isOn(level), all.indexOf(level.toUpperCase()) >= index);
        log[level]("test", "text");
      }
      log.flush();
      assertEquals(lines(logLevel), [GREETING, ...all.slice(index).map((level) => `${level} test: text`)]);
    });
  }));

Deno.test("Log writes what waits after logFlushMs and an ERROR at once", () =>
  withPlace(async ({ open, lines }) => {
    const log = open();
    log.info("test", "one");
    log.access(RECORD);
    assertEquals(lines("lisod.log"), [GREETING]);
    await timersAreDue(FLUSH_MS);
    assertEquals(lines("lisod.log"), [GREETING, "INFO test: one", ACCESS_LINE]);
    log.access(RECORD);
    await timersAreDue(FLUSH_MS);
    assertEquals(lines("lisod.log").slice(3), [ACCESS_LINE]);
    log.warn("test", "two");
    log.error("test", "three");
    assertEquals(lines("lisod.log").slice(4), ["WARN test: two", "ERROR test: three"]);
  }));

Deno.test("Log adds what an error says: its stack at ERROR, its message below", () =>
  withPlace(({ open, lines }) => {
    const log = open();
    const error = new RangeError("too far\n[forged] ERROR line", { cause: "why" });
    log.warn("test", "one", error);
    log.error("test", "two", error);
    const said = lines("lisod.log").slice(1);
    assertEquals(said.slice(0, 4), [
      "WARN test: one",
      "    RangeError: too far",
      "    ERROR line",
      "    caused by why",
    ]);
    assertEquals(said.slice(4, 6), ["ERROR test: two", "    RangeError: too far"]);
    assertMatch(said[7], /^ {8}at .*log_test\.ts/);
    assertEquals(said.at(-1), "    caused by why");
  }));

Deno.test("Log splits access lines off, into a file without a first line", () =>
  withPlace(({ folder, open, lines }) => {
    const log = open({ accessLogFile: given("--access-log", join(folder, "access.log")) });
    log.access(RECORD);
    log.info("test", "one");
    log.flush();
    assertEquals(lines("lisod.log"), [GREETING, "INFO test: one"]);
    assertEquals(lines("access.log"), [ACCESS_LINE]);
  }));

Deno.test("Log.access() does nothing when access lines are off", () =>
  withPlace(({ open, lines }) => {
    const log = open({ isAccessLogged: false });
    log.access(RECORD);
    log.flush();
    assertEquals([log.isAccessOn, lines("lisod.log")], [false, [GREETING]]);
  }));

Deno.test("Log complains elsewhere of a file that cannot be written, by its name", () =>
  withPlace(({ config }) => {
    const said: string[] = [];
    const complaints = {
      writeSync: (bytes: Uint8Array) => said.push(new TextDecoder().decode(bytes)),
      close: () => {},
    };
    const accessLogFile = given("--access-log", "/dev/full");
    const log = Log.open({ ...config, accessLogFile }, { program: "lisod 1.0.0", complaints });
    log.access(RECORD);
    log.info("test", "one");
    log.close();
    assertEquals(said.length, 1);
    assertMatch(said[0], /^\[.*\] ERROR log: Cannot write "\/dev\/full", no space left on device: .*\n$/);
  }));

Deno.test("Log.reopen() goes on in new files after a rename and loses nothing", () =>
  withPlace(({ folder, open, lines }) => {
    const log = open({ accessLogFile: given("--access-log", join(folder, "access.log")) });
    log.access(RECORD);
    log.info("test", "one");
    for (const name of ["lisod.log", "access.log"]) Deno.renameSync(join(folder, name), join(folder, `${name}.1`));
    log.info("test", "two");
    log.reopen();
    log.access(RECORD);
    log.info("test", "three");
    log.flush();
    assertEquals(lines("lisod.log.1"), [GREETING, "INFO test: one", "INFO test: two"]);
    assertEquals(lines("lisod.log"), [GREETING, "INFO test: three"]);
    assertEquals([lines("access.log.1"), lines("access.log")], [[ACCESS_LINE], [ACCESS_LINE]]);
  }));

Deno.test("Log.reopen() keeps the file that is open when there can be no new one", () =>
  withPlace(({ folder, open }) => {
    Deno.mkdirSync(join(folder, "a"));
    const log = open({ logFile: given("--log", join(folder, "a", "lisod.log")) });
    Deno.renameSync(join(folder, "a"), join(folder, "b"));
    log.reopen();
    log.info("test", "one");
    log.flush();
    const text = Deno.readTextFileSync(join(folder, "b", "lisod.log"));
    assertMatch(
      text,
      /ERROR log: The file that is open stays: --log ".*": its folder does not exist: .*\n.*INFO test: one\n$/,
    );
  }));

Deno.test("Log.close() writes what waits, may be called again, and makes later lines nothing", () =>
  withPlace(({ open, lines }) => {
    const log = open();
    log.access(RECORD);
    log.close();
    log.close();
    log.error("test", "late");
    log.access(RECORD);
    log.flush();
    assertEquals(lines("lisod.log"), [GREETING, ACCESS_LINE]);
  }));

Deno.test("Log appends to a file that is there", () =>
  withPlace(({ folder, open, lines }) => {
    Deno.writeTextFileSync(join(folder, "lisod.log"), "before\n");
    open();
    assertEquals(lines("lisod.log"), ["before", GREETING]);
  }));

Deno.test("Log keeps no process alive while a line waits", () =>
  withPlace(async ({ folder }) => {
    const script = join(folder, "wait.ts");
    const config = {
      logFile: given("--log", join(folder, "wait.log")),
      isAccessLogged: true,
      accessLogFile: null,
      logLevel: "info",
      limits: { ...DEFAULT_LIMITS, logFlushMs: 60_000 },
    };
    Deno.writeTextFileSync(
      script,
      `import { Log } from ${JSON.stringify(import.meta.resolve("./log.ts"))};
       Log.open(${JSON.stringify(config)}, { program: "test" }).info("test", "waits");`,
    );
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", "--config", fromHere("../../deno.json"), script],
      stderr: "null",
      signal: AbortSignal.timeout(30_000),
    }).output();
    assertEquals(code, 0);
  }));

function fromHere(path: string): string {
  return new URL(path, import.meta.url).pathname;
}
