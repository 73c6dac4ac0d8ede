import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { AccessRecord } from "./access_record.ts";
import { LOG_LEVELS } from "./log_lines.ts";
import { Log, type LogConfig, type LogPart } from "./log.ts";
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
    for (const log of logs) await log.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Resolves when that holds; rejects when it has not within ten seconds, for a busy machine. */
async function until(isSo: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !isSo();) {
    if (performance.now() > endMs) throw new Error(`Still not so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

Deno.test("Log.open() writes a first line with program, process and date before anything waits", () =>
  withPlace(async ({ folder, open, lines }) => {
    open({ logLevel: "error" });
    await until(() => lines("lisod.log").length > 0);
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
  withPlace(async ({ folder, open, lines }) => {
    const all = ["DEBUG", "INFO", "WARN", "ERROR"];
    for (const [index, logLevel] of LOG_LEVELS.entries()) {
      const log = open({ logLevel, logFile: given("--log", join(folder, logLevel)) });
      for (const level of ["debug", "info", "warn", "error"] as const) {
        assertEquals(log.isOn(level), all.indexOf(level.toUpperCase()) >= index);
        log[level]("test", "text");
      }
      await log.flush();
      assertEquals(lines(logLevel), [GREETING, ...all.slice(index).map((level) => `${level} test: text`)]);
    }
  }));

Deno.test("Log writes what waits after logFlushMs", () =>
  withPlace(async ({ open, lines }) => {
    const log = open();
    log.info("test", "one");
    log.access(RECORD);
    await until(() => lines("lisod.log").length === 3);
    assertEquals(lines("lisod.log"), [GREETING, "INFO test: one", ACCESS_LINE]);
    log.access(RECORD);
    await until(() => lines("lisod.log").length === 4);
    assertEquals(lines("lisod.log").slice(3), [ACCESS_LINE]);
  }));

Deno.test("Log writes an ERROR at once, with what waits", () =>
  withPlace(async ({ open, lines, config }) => {
    const log = open({ limits: { ...config.limits, logFlushMs: 60_000 } });
    log.warn("test", "two");
    log.error("test", "three");
    await until(() => lines("lisod.log").length === 3);
    assertEquals(lines("lisod.log").slice(1), ["WARN test: two", "ERROR test: three"]);
  }));

Deno.test("Log adds what an error says: its stack at ERROR, its message below", () =>
  withPlace(async ({ open, lines }) => {
    const log = open();
    const error = new RangeError("too far\n[forged] ERROR line", { cause: "why" });
    log.warn("test", "one", error);
    log.error("test", "two", error);
    await log.flush();
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
  withPlace(async ({ folder, open, lines }) => {
    const log = open({ accessLogFile: given("--access-log", join(folder, "access.log")) });
    log.access(RECORD);
    log.info("test", "one");
    await log.flush();
    assertEquals(lines("lisod.log"), [GREETING, "INFO test: one"]);
    assertEquals(lines("access.log"), [ACCESS_LINE]);
  }));

Deno.test("Log.access() does nothing when access lines are off", () =>
  withPlace(async ({ open, lines }) => {
    const log = open({ isAccessLogged: false });
    log.access(RECORD);
    await log.flush();
    assertEquals([log.isAccessOn, lines("lisod.log")], [false, [GREETING]]);
  }));

Deno.test("Log complains elsewhere of a file that cannot be written, by its name", () =>
  withPlace(async ({ config }) => {
    const said: string[] = [];
    const complaints = {
      write: (bytes: Uint8Array) => Promise.resolve(said.push(new TextDecoder().decode(bytes)) && bytes.length),
      close: () => {},
    };
    const accessLogFile = given("--access-log", "/dev/full");
    const log = Log.open({ ...config, accessLogFile }, { program: "lisod 1.0.0", complaints });
    log.access(RECORD);
    log.info("test", "one");
    await log.close();
    assertEquals(said.map((line) => line.replace(/\[.*?\] /, "")), [
      'ERROR log: Cannot write "/dev/full", no space left on device: its lines are lost until that ends\n',
      'ERROR log: Cannot write "/dev/full", no space left on device: 1 lines lost at the end\n',
    ]);
  }));

Deno.test("Log tells among its messages too that access lines are lost", () =>
  withPlace(async ({ config }) => {
    const texts: Partial<Record<LogPart, string>> = {};
    let isFull = true;
    const openSink = (part: LogPart) => ({
      write: (bytes: Uint8Array) => {
        if (part === "accesses" && isFull) return Promise.reject(new Error("No space left on device (os error 28)"));
        texts[part] = (texts[part] ?? "") + new TextDecoder().decode(bytes);
        return Promise.resolve(bytes.length);
      },
      close: () => {},
    });
    const accessLogFile = given("--access-log", "/var/log/access.log");
    const log = Log.open({ ...config, accessLogFile }, { program: null, openSink });
    for (let count = 0; count < 2; count++) log.access(RECORD);
    await log.flush();
    isFull = false;
    log.access(RECORD);
    await log.flush();
    await log.close();
    const { accesses = "", messages = "" } = texts;
    assertEquals(accesses.split("\n").length, 3);
    assertEquals(messages.replaceAll(/^\[.*?\] /gm, "").split("\n"), [
      'ERROR log: Cannot write "/var/log/access.log", no space left on device: its lines are lost until that ends',
      'ERROR log: "/var/log/access.log": 2 lines lost: no space left on device',
      "",
    ]);
  }));

Deno.test("Log.close() writes among its messages what the access lines lose at the end", () =>
  withPlace(async ({ config }) => {
    let messages = "";
    const openSink = (part: LogPart) => ({
      write: async (bytes: Uint8Array) => {
        if (part === "accesses") throw new Error("No space left on device (os error 28)");
        // Longer than the other write takes to fail.
        await new Promise((resolve) => setTimeout(resolve, 10));
        messages += new TextDecoder().decode(bytes);
        return bytes.length;
      },
      close: () => {},
    });
    const accessLogFile = given("--access-log", "/var/log/access.log");
    const log = Log.open({ ...config, accessLogFile }, { program: null, openSink });
    log.access(RECORD);
    await log.close();
    assertEquals(messages.match(/Cannot write "\/var\/log\/access.log"/g)?.length, 2);
  }));

Deno.test("Log.reopen() goes on in new files after a rename and loses nothing", () =>
  withPlace(async ({ folder, open, lines }) => {
    const log = open({ accessLogFile: given("--access-log", join(folder, "access.log")) });
    log.access(RECORD);
    log.info("test", "one");
    for (const name of ["lisod.log", "access.log"]) Deno.renameSync(join(folder, name), join(folder, `${name}.1`));
    log.info("test", "two");
    await log.reopen();
    log.access(RECORD);
    log.info("test", "three");
    await log.flush();
    assertEquals(lines("lisod.log.1"), [GREETING, "INFO test: one", "INFO test: two"]);
    assertEquals(lines("lisod.log"), [GREETING, "INFO test: three"]);
    assertEquals([lines("access.log.1"), lines("access.log")], [[ACCESS_LINE], [ACCESS_LINE]]);
  }));

Deno.test("Log.reopen() keeps the file that is open when there can be no new one", () =>
  withPlace(async ({ folder, open }) => {
    Deno.mkdirSync(join(folder, "a"));
    const log = open({ logFile: given("--log", join(folder, "a", "lisod.log")) });
    Deno.renameSync(join(folder, "a"), join(folder, "b"));
    await log.reopen();
    log.info("test", "one");
    await log.flush();
    const text = Deno.readTextFileSync(join(folder, "b", "lisod.log"));
    assertMatch(
      text,
      /ERROR log: The file that is open stays: --log ".*": its folder does not exist: .*\n.*INFO test: one\n$/,
    );
  }));

Deno.test("Log.close() writes what waits, may be called again, and makes later lines nothing", () =>
  withPlace(async ({ open, lines }) => {
    const log = open();
    log.access(RECORD);
    await log.close();
    await log.close();
    log.error("test", "late");
    log.access(RECORD);
    await log.flush();
    assertEquals(lines("lisod.log"), [GREETING, ACCESS_LINE]);
  }));

Deno.test("Log appends to a file that is there", () =>
  withPlace(async ({ folder, open, lines }) => {
    Deno.writeTextFileSync(join(folder, "lisod.log"), "before\n");
    await open().flush();
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
