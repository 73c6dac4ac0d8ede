import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { readinessCalls, systemCalls } from "../../tests/cgi/system_calls.ts";
import { countDescriptors } from "../../tests/descriptors.ts";
import type { Watched, Watcher } from "../system/epoll.ts";
import { Readiness } from "../system/readiness.ts";
import { PipeReader } from "./pipe.ts";
import { ChildPace } from "./child_pace.ts";
import { ChildProcess } from "./child_process.ts";
import type { Child } from "./child.ts";
import { SpawnError } from "./spawn_error.ts";
import { Spawner } from "./spawner.ts";
import type { SystemCalls } from "../system/process_calls.ts";

const EPERM = 1;

/** As of a system that has no room. */
const UNWATCHABLE: Watched = { ready: () => Promise.reject(new Error("cannot be watched")), stop: () => {} };

interface StartOptions {
  readonly hasInput?: boolean;
  /** In place of the real ones. */
  readonly calls?: Partial<SystemCalls>;
}

/** Whoever makes it closes the readiness. */
function makeSpawner(calls: Partial<SystemCalls> = {}) {
  const readiness = new Readiness(readinessCalls);
  return { spawner: new Spawner({ ...systemCalls, ...calls }, readiness), readiness };
}

/** Starts a shell script and runs `test` with it; whatever happens, nothing of it is left. */
async function withScript(
  script: string,
  test: (started: Child) => Promise<void>,
  { hasInput = false, calls = {} }: StartOptions = {},
): Promise<void> {
  const { spawner, readiness } = makeSpawner(calls);
  const words = ["/bin/sh", "-c", script];
  const process = await spawner.start({ words, folder: "/", environment: { PATH: "/bin" }, hasInput });
  try {
    await test(process);
  } finally {
    systemCalls.kill(-process.pid, 9);
    for (const end of [process.input, process.output, process.errors]) end?.close();
    await process.reap();
    await readiness.close();
  }
}

/** All that is left of standard output. */
async function readOutput(process: Child): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes; (bytes = await process.output.read()) !== null;) text += decoder.decode(bytes, { stream: true });
  return text;
}

/** Whether a process that has not been reaped is more than a zombie: the state stands behind the name, see proc(5). */
function isRunning(pid: number): boolean {
  return !Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
}

Deno.test("ChildProcess.signalGroup() throws PermissionDenied when the group belongs to another user", () =>
  withScript("exec sleep 100", (process) => {
    assertThrows(() => process.signalGroup("SIGTERM"), Deno.errors.PermissionDenied);
    return Promise.resolve();
  }, {
    calls: {
      kill: () => -1,
      copyFrom: (buffer) => {
        if (buffer instanceof Int32Array) buffer[0] = EPERM;
        return 0n;
      },
    },
  }));

Deno.test("ChildProcess.reap() watches nothing when the process has ended", async () => {
  let watchedCount = 0;
  const syscall = (...numbers: Parameters<SystemCalls["syscall"]>) => {
    watchedCount++;
    return systemCalls.syscall(...numbers);
  };
  await withScript("exit 5", async (process) => {
    while (isRunning(process.pid)) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals((await process.reap()).description, "exit status 5");
    assertEquals(watchedCount, 0);
  }, { calls: { syscall } });
});

Deno.test("ChildProcess.reap() leaves it to a thread when there is no descriptor for the process", () =>
  withScript("read -r line; exit 3", async (process) => {
    const reaped = process.reap();
    process.input?.close();
    assertEquals((await reaped).description, "exit status 3");
  }, { hasInput: true, calls: { syscall: () => -1n } }));

Deno.test("ChildProcess.reap() leaves it to a thread when the system has no room to watch the process, and keeps no descriptor", async () => {
  const readiness = new Readiness(readinessCalls);
  let reapedCount = 0;
  const parts = { calls: systemCalls, readiness: { watch: () => UNWATCHABLE }, onReaped: () => reapedCount++ };
  const started = await new Spawner(systemCalls, readiness).start({
    words: ["/bin/sh", "-c", "read -r line; exit 3"],
    ...{ folder: "/", environment: {}, hasInput: true },
  });
  const { pid, input, output, errors } = started as ChildProcess;
  const before = countDescriptors();
  const reaped = new ChildProcess(pid, { input, output, errors, ...parts }).reap();
  input?.close();
  assertEquals((await reaped).description, "exit status 3");
  assertEquals([reapedCount, countDescriptors()], [1, before - 1]);
  for (const end of [output, errors]) end.close();
  await readiness.close();
});

Deno.test("ChildProcess.reap() does not take for success what somebody else has reaped", () =>
  withScript("exit 0", async (process) => {
    systemCalls.waitpid(process.pid, new Int32Array(1), 0);
    assertEquals(await process.reap(), {
      isSuccess: false,
      description: "no status: somebody else has reaped it",
    });
  }));

Deno.test("PipeReader.read() waits for the next bytes directly, once a script has printed much", async () => {
  const asked = { readiness: 0, paced: 0 };
  const stopped: string[] = [];
  const watcher = (name: keyof typeof asked): Watcher => ({
    watch: () => ({ ready: () => Promise.resolve(void asked[name]++), stop: () => stopped.push(name) }),
  });
  const outputs = ["little", null, "m".repeat(5000), null, "more"];
  const read = (_: number, buffer: Uint8Array) => {
    const output = outputs.shift();
    return output === null ? -1n : BigInt(new TextEncoder().encodeInto(output ?? "", buffer).written);
  };
  const calls = { ...systemCalls, fcntl: () => 0, close: () => 0, read } as unknown as SystemCalls;
  const reader = new PipeReader(-1, { calls, readiness: watcher("readiness"), paced: watcher("paced") });
  const counts: unknown[] = [];
  for (let bytes; (bytes = await reader.read()) !== null;) counts.push([bytes.length, asked.paced, asked.readiness]);
  assertEquals(counts, [[6, 0, 0], [5000, 1, 0], [4, 1, 1]]);
  assertEquals(stopped, ["paced", "readiness"]);
});

Deno.test("Spawner.start() tells the pace of each script when it starts and, once, when it is reaped", async () => {
  const told: string[] = [];
  class Recorder extends ChildPace {
    override begin() {
      told.push("begin");
    }
    override end(runMs: number) {
      told.push(runMs > 0 && runMs < 60_000 ? "end" : `end after ${runMs} ms`);
    }
  }
  const readiness = new Readiness(readinessCalls);
  const spawner = new Spawner(systemCalls, readiness, { pace: new Recorder({ processors: 1, maxPauseMs: 1 }) });
  const command = { folder: "/", environment: {}, hasInput: false };
  await assertRejects(() => spawner.start({ ...command, words: ["/nonexistent"] }), SpawnError);
  for (const script of ["", "kill -9 $$"]) {
    const process = await spawner.start({ ...command, words: ["/bin/sh", "-c", script] });
    assertEquals(told.splice(0), ["begin"]);
    assertEquals(await readOutput(process), "");
    await Promise.all([process.reap(), process.reap()]);
    process.errors.close();
    assertEquals(told.splice(0), ["end"]);
  }
  await readiness.close();
});
