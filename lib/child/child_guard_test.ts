/** The guard of programs with real ones, by both ways of starting; that the server itself is killed: tests/killed_server_test.ts. */
import { assertEquals, assertMatch } from "@std/assert";
import { groupMembers, RecordedLog, until } from "../../tests/cgi/running_scripts.ts";
import { readinessCalls, systemCalls } from "../../tests/cgi/system_calls.ts";
import { Readiness } from "../system/readiness.ts";
import type { Child, ChildCommand, Starter } from "./child.ts";
import { ChildGuard } from "./child_guard.ts";
import { CommandStarter } from "./command_starter.ts";
import { Spawner } from "./spawner.ts";
import { SpawnError } from "./spawn_error.ts";

const WAYS = ["Spawner", "CommandStarter"] as const;

interface Guarded {
  readonly guard: ChildGuard;
  readonly log: RecordedLog;
  /** The guards that were started, and what each was told so far. */
  readonly guards: readonly { readonly child: Child; readonly told: string[] }[];
  /** Starts a shell script that is no guard; it is ended after the test. */
  start(script: string): Promise<Child>;
}

/** A guard that is told by `way`, and whatever happens, nothing is left. */
async function withGuard(
  way: (typeof WAYS)[number],
  test: (guarded: Guarded) => Promise<void>,
  { killMs = 2000, refusals = 0 } = {},
): Promise<void> {
  const readiness = new Readiness(readinessCalls);
  const usual: Starter = way === "Spawner" ? new Spawner(systemCalls, readiness) : new CommandStarter();
  const log = new RecordedLog();
  const guards: { child: Child; told: string[] }[] = [];
  const started: Child[] = [];
  let left = refusals;
  const starter: Starter = {
    async start(command: ChildCommand) {
      if (left-- > 0) throw new SpawnError(12);
      const child = await usual.start(command);
      const told: string[] = [];
      const { input } = child;
      const write = (bytes: Uint8Array) => {
        told.push(...new TextDecoder().decode(bytes).trimEnd().split("\n"));
        return input?.write(bytes) ?? Promise.resolve(false);
      };
      guards.push({ child, told });
      return {
        pid: child.pid,
        input: { write, close: () => input?.close() },
        output: child.output,
        errors: child.errors,
        reap: () => child.reap(),
        hasGroup: () => child.hasGroup(),
        signalGroup: (signal) => child.signalGroup(signal),
      };
    },
  };
  const guard = new ChildGuard({ starter, killMs, log });
  const start = async (script: string) => {
    const environment = { PATH: "/usr/bin:/bin" };
    const child = await usual.start({ words: ["/bin/sh", "-c", script], environment, folder: "/", hasInput: false });
    started.push(child);
    return child;
  };
  try {
    await test({ guard, log, guards, start });
  } finally {
    await guard.close();
    for (const child of started) {
      if (child.hasGroup()) child.signalGroup("SIGKILL");
      child.output.close();
      child.errors.close();
      await child.reap();
    }
    await readiness.close();
  }
}

for (const way of WAYS) {
  Deno.test(`ChildGuard by ${way}: what lives at its end is ended, with its children, and nothing else`, () =>
    withGuard(way, async ({ guard, guards, start, log }) => {
      const [first, ended, second, unknown] = await Promise.all(
        Array.from({ length: 4 }, () => start("sleep 3600 & echo ready; wait")),
      );
      for (const child of [first, ended, second, unknown]) await child.output.read();
      for (const child of [first, ended, second]) guard.begin(child.pid);
      await until(() => guards[0]?.told.length === 3, "the guard is told");
      guard.end(ended.pid);
      guard.end(ended.pid);
      await until(() => guards[0].told.length === 4, "the guard is told of the end");
      assertEquals(guards[0].told, [`+${first.pid}`, `+${ended.pid}`, `+${second.pid}`, `-${ended.pid}`]);
      await guard.close();
      const ends = await Promise.all([first.reap(), second.reap()]);
      assertEquals(ends.map(({ description }) => description), ["signal SIGTERM", "signal SIGTERM"]);
      for (const { pid } of [first, second]) assertEquals(groupMembers(pid), []);
      for (const { pid } of [ended, unknown]) assertEquals(groupMembers(pid).length, 2);
      assertEquals([log.lines.filter((line) => !line.startsWith("debug ")), guards.length], [[], 1]);
    }));

  Deno.test(`ChildGuard by ${way}: what is deaf to SIGTERM is ended by SIGKILL`, () =>
    withGuard(way, async ({ guard, guards, start }) => {
      const deaf = await start("trap '' TERM; echo ready; while :; do sleep 3600; done");
      await deaf.output.read();
      guard.begin(deaf.pid);
      await until(() => guards[0]?.told.length === 1, "the guard is told");
      await guard.close();
      assertEquals((await deaf.reap()).description, "signal SIGKILL");
    }, { killMs: 200 }));

  Deno.test(`ChildGuard by ${way}: is not ended by signals for all of a service`, () =>
    withGuard(way, async ({ guard, guards, start }) => {
      const child = await start("echo ready; exec sleep 3600");
      await child.output.read();
      guard.begin(child.pid);
      await until(() => guards[0]?.told.length === 1, "the guard is told");
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) Deno.kill(guards[0].child.pid, signal);
      await guard.close();
      assertEquals((await child.reap()).description, "signal SIGTERM");
      assertEquals((await guards[0].child.reap()).description, "exit status 0");
    }));

  Deno.test(`ChildGuard by ${way}: one that was ended is told, reaped and replaced`, () =>
    withGuard(way, async ({ guard, guards, start, log }) => {
      const child = await start("echo ready; exec sleep 3600");
      await child.output.read();
      guard.begin(child.pid);
      await until(() => guards[0]?.told.length === 1, "the guard is told");
      Deno.kill(guards[0].child.pid, "SIGKILL");
      await until(() => guards[1]?.told.length === 1, "another one is told the same");
      assertEquals(guards[1].told, [`+${child.pid}`]);
      assertMatch(
        log.lines.join("\n"),
        /^warn cgi: The guard of programs has ended with signal SIGKILL; until there is another, /m,
      );
      await guard.close();
      assertEquals((await child.reap()).description, "signal SIGTERM");
    }));

  Deno.test(`ChildGuard by ${way}: closes soon when the guard is stopped`, () =>
    withGuard(way, async ({ guard, guards }) => {
      guard.begin(2 ** 30);
      await until(() => guards[0]?.told.length === 1, "the guard is told");
      Deno.kill(guards[0].child.pid, "SIGSTOP");
      await guard.close();
      assertEquals((await guards[0].child.reap()).description, "signal SIGKILL");
    }, { killMs: 0 }));
}

Deno.test("ChildGuard tells nothing of programs that have ended soon, and needs no guard before the first one", () =>
  withGuard("Spawner", async ({ guard, guards }) => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(guards, []);
    for (let number = 1000; number < 2000; number++) {
      guard.begin(2 ** 30 + number);
      guard.end(2 ** 30 + number);
    }
    guard.begin(2 ** 30);
    await until(() => guards[0]?.told.length === 1, "the guard is told of the last one");
    assertEquals(guards[0].told, [`+${2 ** 30}`]);
    // Nor of those that come and go all the time.
    for (let round = 0; round < 20; round++) {
      guard.begin(2 ** 30 + 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      guard.end(2 ** 30 + 1);
    }
    guard.end(2 ** 30);
    await until(() => guards[0].told.includes(`-${2 ** 30}`), "the guard is told of the end");
    assertEquals(guards[0].told.filter((line) => line.startsWith("-")), [`-${2 ** 30}`]);
  }));

Deno.test("ChildGuard says once that it cannot be started, tries again, and then tells all that lives", () =>
  withGuard("Spawner", async ({ guard, guards, log }) => {
    guard.begin(2 ** 30);
    await until(() => guards[0]?.told.length === 1, "the third one is started");
    const warnings = log.lines.filter((line) => line.startsWith("warn "));
    assertEquals([guards[0].told, warnings.length], [[`+${2 ** 30}`], 1]);
    assertMatch(warnings[0], /^warn cgi: The guard of programs cannot be started: programs would outlive/);
  }, { refusals: 2 }));
