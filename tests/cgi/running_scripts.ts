/** CGI without a server: a handler over this folder, what it logs, and a look at the processes that it leaves. */
import { Clock } from "../../lib/clock.ts";
import { createHandledScripts, createScriptHandler, type ScriptMount } from "../../lib/cgi/script_handler.ts";
import { type RunnerOptions, ScriptRunner } from "../../lib/cgi/script_runner.ts";
import type { Starter } from "../../lib/child/child.ts";
import { CommandStarter } from "../../lib/child/command_starter.ts";
import { Spawner } from "../../lib/child/spawner.ts";
import { cutPath, locate } from "../../lib/http/located.ts";
import type { HttpRequest, HttpResponse, LocalRedirect } from "../../lib/http/message.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/limits.ts";
import { MemoryBudget } from "../../lib/memory_budget.ts";
import { RULES } from "../../lib/rules.ts";
import { Readiness } from "../../lib/system/readiness.ts";
import { fakeRequest, type RequestParts } from "./fake_request.ts";
import { type WarmOptions, WarmStarter } from "../../lib/warm/warm_starter.ts";
import { takenWarmth, takenWay } from "../harness.ts";
import { messageCalls, readinessCalls, systemCalls } from "./system_calls.ts";

/** The folder of the probe. */
export const SCRIPTS = import.meta.dirname ?? ".";

/** What was logged, one text a message: `warn probe[12]: Ended with exit status 1`. */
export class RecordedLog {
  readonly lines: string[] = [];
  readonly #waiting = new Set<() => void>();

  readonly debug = this.#recorder("debug");
  readonly info = this.#recorder("info");
  readonly warn = this.#recorder("warn");
  readonly error = this.#recorder("error");

  /** Resolves to the first line that matches, also when it has yet to come. */
  async find(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #recorder(level: string) {
    return (source: string, text: string, error?: unknown) => {
      this.lines.push(`${level} ${source}: ${text}${error === undefined ? "" : ` (${error})`}`);
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    };
  }
}

export type TestOptions = Partial<Omit<ScriptMount, "links"> & Omit<RunnerOptions, "limits" | "log" | "starter">> & {
  readonly limits?: Partial<Limits>;
  /** What starts programs in place of the usual one, which it is given. */
  readonly starter?: (usual: Starter) => Starter;
};

/** What a test of scripts works with. */
export interface ScriptsUnderTest {
  readonly runner: ScriptRunner;
  /** Answers below /cgi/ by its programs, elsewhere by files with a handler. */
  answer(request: HttpRequest): Promise<HttpResponse | LocalRedirect>;
  readonly log: RecordedLog;
  /** A folder of the test's own. */
  readonly folder: string;
  /** Answers, with the whole content read as Latin-1 text. */
  fetch(parts: RequestParts): Promise<{ status: number; fields: Map<string, string>; text: string }>;
  /** Answers; the content is not touched. */
  open(parts: RequestParts): Promise<HttpResponse>;
}

/** Runs `test` with scripts of that kind, and stops them whatever happens. */
export async function withScripts(options: TestOptions, test: (under: ScriptsUnderTest) => Promise<void>) {
  const log = new RecordedLog();
  const folder = Deno.makeTempDirSync({ prefix: "lisod-test-" });
  const readiness = new Readiness(readinessCalls);
  const usual = takenWay() === "native" ? new Spawner(systemCalls, readiness) : new CommandStarter();
  const { starter = () => usual, ...rest } = options;
  const mount: ScriptMount = {
    cgiPath: SCRIPTS,
    handlers: {},
    links: "inside",
    documentRoot: folder,
    rules: RULES.standard,
    passesAuthorization: false,
    environment: { PATH: "/usr/bin:/bin" },
    isWarm: takenWarmth(),
    ...rest,
  };
  const guard = { begin() {}, end() {} };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const warm = usual instanceof Spawner && takenWarmth() ? makeWarm(usual, { readiness, log, guard, limits }) : null;
  const runner = new ScriptRunner({
    maxScripts: 32,
    maxQueue: 256,
    user: null,
    resources: { cpuSeconds: null, memoryBytes: null, fileCount: null, processCount: null },
    spoolFolder: folder,
    ...rest,
    starter: starter(usual),
    limits,
    warm,
    clock: new Clock(),
    guard,
    budget: new MemoryBudget(),
    log,
  });
  const programs = createScriptHandler(mount, runner);
  const handled = createHandledScripts({
    ...{ ...mount, servesDotFiles: false, indexNames: ["index.html"] },
    cgiPaths: [mount.cgiPath],
  }, runner);
  const answer = async (request: HttpRequest) => {
    const segments = cutPath(request.path);
    if (segments[0] === "cgi") return await programs(request, locate(request.path, segments, 1));
    const found = handled(request, locate(request.path));
    if (found === null) throw new Error(`No script for "${request.path}"`);
    return await found;
  };
  const open = async (parts: RequestParts) => {
    const response = await answer(fakeRequest(parts));
    if ("localRedirect" in response) throw new Error(`Unexpected local redirect to ${response.localRedirect}`);
    return response;
  };
  const fetch = async (parts: RequestParts) => {
    const { status, fields, body } = await open(parts);
    try {
      return { status, fields: new Map(fields), text: await readText(body) };
    } finally {
      await body.close();
    }
  };
  try {
    if (warm !== null && mount.cgiPath === SCRIPTS) await warmUp({ fetch, log });
    await test({ runner, answer, log, folder, open, fetch });
  } finally {
    await runner.stop();
    await warm?.stop();
    await readiness.close();
    // They go a little after whoever had them.
    await until(() => !hasOpenBelow(folder), "no file of contents is open");
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Keeps the scripts of a test warm. */
function makeWarm(
  starter: Spawner,
  { readiness, ...options }: Pick<WarmOptions, "log" | "guard" | "limits"> & { readonly readiness: Readiness },
): WarmStarter {
  const services = { starter, calls: systemCalls, messages: messageCalls, readiness: readiness.paced(() => 0) };
  return new WarmStarter({ ...options, ...services, prefix: [], cpuSeconds: null, maxErrorBytes: 65_536 });
}

/** Has the probe be warm, with what it imports, and nothing in the log. */
async function warmUp({ fetch, log }: Pick<ScriptsUnderTest, "fetch" | "log">): Promise<void> {
  await until(async () => {
    await fetch({ target: probe("print", { out: "Content-Type: text/plain\n\n" }) });
    return hasLearned(log.lines.join("\n"));
  }, "the probe is warm");
  log.lines.length = 0;
}

/** Whether a log tells of a zygote that has imported what the probe does. */
export function hasLearned(log: string): boolean {
  return /probe": zygote \d+ has imported (?:1\d|[2-9]\d)/.test(log);
}

/** Whether this process has a file open that is, or was, in that folder. */
function hasOpenBelow(folder: string): boolean {
  return [...Deno.readDirSync("/proc/self/fd")].some(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(`${folder}/`);
    } catch {
      return false; // It has been closed since.
    }
  });
}

/** All parts as Latin-1 text. */
export async function readText(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder("latin1");
  let text = "";
  for await (const part of parts) text += decoder.decode(part, { stream: true });
  return text;
}

/** The query of the probe that makes it do so. */
export function probe(action: string, parameters: Readonly<Record<string, string | number>> = {}): string {
  const query = Object.entries({ do: action, ...parameters }).map(([name, value]) =>
    `${name}=${encodeURIComponent(value)}`
  );
  return `/cgi/probe?${query.join("&")}`;
}

/** Resolves when `condition` holds; asks every few milliseconds, and gives up after 10 s. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !(await condition());) {
    if (Date.now() > end) throw new Error(`Still not so after 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether there is a process of that id, be it a zombie. */
export function isProcess(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The process ids of a group that live (state in /proc/PID/stat is not Z). */
export function groupMembers(group: number): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    if (!(pid > 0)) return false;
    try {
      const [state, , processGroup] = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /s, "").split(" ");
      return Number(processGroup) === group && state !== "Z";
    } catch (error) {
      // It has ended since it was listed.
      if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(String(error))) return false;
      throw error;
    }
  });
}

/** Children of this process that have ended and were not reaped. */
export function zombies(): string[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).flatMap(({ name }) => {
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      const [state, parent] = stat.replace(/^.*\) /s, "").split(" ");
      return state === "Z" && Number(parent) === Deno.pid ? [stat] : [];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || /ESRCH|os error 3\b/.test(String(error))) return [];
      throw error;
    }
  });
}

/** The process id that the probe wrote, once it has. */
export async function readPid(path: string): Promise<number> {
  await until(() => {
    try {
      return Deno.statSync(path).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }, `the probe has written ${path}`);
  return Number(Deno.readTextFileSync(path));
}
