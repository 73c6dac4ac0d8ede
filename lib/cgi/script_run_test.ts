/** A script that is none: what it does is said here, with the time, and what is done to it is recorded. */
import { assertEquals, assertRejects } from "@std/assert";
import type { Child, ChildEnd } from "../child/child.ts";
import { fakeRequest } from "../../tests/cgi/fake_request.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { ScriptRun } from "./script_run.ts";
import { ProgramExchange } from "../gateway/program_exchange.ts";
import { SpoolFolder } from "../gateway/spool_folder.ts";

const LIMITS = { ...DEFAULT_LIMITS, scriptLingerMs: 1000, scriptErrorMs: 5000, scriptKillMs: 2000 };

/** A pipe from the script: what it gives is put into it, null for its end. */
class FakePipe {
  isClosed = false;
  readonly #parts: (string | null)[] = [];
  #waiting: (() => void) | null = null;

  put(...parts: readonly (string | null)[]): void {
    this.#parts.push(...parts);
    this.#waiting?.();
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#parts.length === 0 && !this.isClosed) await new Promise<void>((resolve) => this.#waiting = resolve);
    const part = this.#parts.shift() ?? null;
    return part === null ? null : new TextEncoder().encode(part);
  }

  keepLast(): void {}

  close(): void {
    this.isClosed = true;
    this.#waiting?.();
  }
}

class FakeChild implements Child {
  readonly pid = 42;
  readonly input = null;
  readonly output = new FakePipe();
  readonly errors = new FakePipe();
  /** Signals that were sent while there was a group. */
  readonly signals: string[] = [];
  isGroupThere = true;
  readonly #ended = Promise.withResolvers<ChildEnd>();

  end(): void {
    this.#ended.resolve({ isSuccess: true, description: "exit status 0" });
  }

  reap(): Promise<ChildEnd> {
    return this.#ended.promise;
  }

  hasGroup(): boolean {
    return this.isGroupThere;
  }

  signalGroup(signal: string): boolean {
    if (this.isGroupThere) this.signals.push(signal);
    return this.isGroupThere;
  }
}

/** A script whose head was read, and that has ended since; its child holds both pipes. */
async function leaveJob() {
  const child = new FakeChild();
  const lines: string[] = [];
  const record = (level: string) => (_: string, text: string) => void lines.push(`${level} ${text}`);
  const log = { debug: record("debug"), info: record("info"), warn: record("warn"), error: record("error") };
  const clock = { nowMs: 0, update() {} };
  const ahead = {
    room: { memoryBytes: 0, fileBytes: 0 },
    folder: new SpoolFolder("/tmp", 10_000),
    budget: new MemoryBudget(),
  };
  const request = fakeRequest({ target: "/" });
  const run = new ScriptRun(child, {
    ...{ label: "job[42]", file: "/srv/cgi/job", client: "192.0.2.1", limits: LIMITS, log, clock },
    exchangeOf: (peer) => new ProgramExchange(peer, { request, limits: LIMITS, log, clock, ahead }),
  });
  child.output.put("Content-Type: text/plain\n\n");
  await run.exchange.readHead();
  let isDone = false;
  run.done.then(() => isDone = true);
  run.sweep(clock.nowMs);
  child.end();
  await turn();
  return { child, lines, run, endMs: clock.nowMs, isDone: () => isDone };
}

/** Lets everything go on that can. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("ScriptRun breaks an answer off when what the script left is silent for too long, and says why", async () => {
  const { child, lines, run, endMs, isDone } = await leaveJob();
  const reading = assertRejects(() => run.exchange.read(), Error, "holds its output and has said nothing for 1000 ms");
  await turn();
  run.sweep(endMs + 900);
  assertEquals([child.signals, child.output.isClosed, isDone()], [[], false, false]);
  run.sweep(endMs + 1500);
  await reading;
  run.exchange.abandon();
  await turn();
  assertEquals([child.signals, child.output.isClosed, isDone()], [["SIGTERM"], true, true]);
  assertEquals(lines.map((line) => line.replace(/;.*/, "")), [
    "warn Ended, but a process that it left holds its output and has said nothing for 1000 ms: the answer is broken off",
  ]);
  // What is deaf to it.
  run.sweep(endMs + 4000);
  assertEquals(child.signals, ["SIGTERM", "SIGKILL"]);
  assertEquals(lines.slice(1), ["warn Not ended 2000 ms after SIGTERM: its process group gets SIGKILL"]);
  child.errors.put(null);
  await turn();
  assertEquals(run.isOver, true);
});

Deno.test("ScriptRun counts the silence of what the script left from each part of its output", async () => {
  const { child, run, endMs, lines } = await leaveJob();
  const reading = run.exchange.read();
  child.output.put("late");
  assertEquals(new TextDecoder().decode(await reading ?? undefined), "late");
  // Nobody reads: a slow client is no silence of the job.
  run.sweep(endMs + 100_000);
  assertEquals([child.signals, lines], [[], []]);
  child.output.put(null);
  assertEquals(await run.exchange.read(), null);
});

Deno.test("ScriptRun gives its place back when its answer is whole, and reads errors on until their time is over", async () => {
  const { child, lines, run, endMs, isDone } = await leaveJob();
  child.output.put(null);
  assertEquals(await run.exchange.read(), null);
  await turn();
  assertEquals([isDone(), run.isHeld, run.isOver], [true, true, false]);
  child.errors.put("late complaint\n");
  await turn();
  run.sweep(endMs + 4900);
  assertEquals([lines, child.errors.isClosed], [["warn late complaint"], false]);
  run.sweep(endMs + 5500);
  await turn();
  assertEquals([child.errors.isClosed, child.signals, run.isOver], [true, [], true]);
  assertEquals(lines.slice(1), [
    "warn Ended, but a process that it left holds its standard error and has done so for 5000 ms: it is closed, and whoever writes to it gets SIGPIPE",
  ]);
});

Deno.test("ScriptRun ends a job that holds the output of an answer that nobody waits for, and says so", async () => {
  const { child, lines, run, endMs, isDone } = await leaveJob();
  run.exchange.discard();
  run.sweep(endMs);
  await turn();
  assertEquals(isDone(), true);
  run.sweep(endMs + 1500);
  await turn();
  assertEquals([child.signals, child.output.isClosed], [["SIGTERM"], true]);
  assertEquals(lines, [
    "warn Ended, but a process that it left holds its output and has said nothing for 1000 ms; its process group gets SIGTERM, and whoever still writes to it SIGPIPE",
  ]);
});

Deno.test("ScriptRun says that nobody gets a signal when the holder has left the group", async () => {
  const { child, lines, run, endMs } = await leaveJob();
  run.exchange.discard();
  child.isGroupThere = false;
  run.sweep(endMs + 1500);
  assertEquals([child.signals, lines.length], [[], 1]);
  assertEquals(/; nobody is left in its process group, and whoever still writes to it SIGPIPE$/.test(lines[0]), true);
});
