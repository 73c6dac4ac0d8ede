import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { countDescriptors } from "../../tests/descriptors.ts";
import { readinessCalls, systemCalls } from "../../tests/cgi/system_calls.ts";
import type { Watcher } from "../system/epoll.ts";
import { Readiness } from "../system/readiness.ts";
import { PipeReader } from "./pipe.ts";
import { ScriptPace } from "./child_pace.ts";
import type { ScriptProcess } from "./child_process.ts";
import { Spawner, SpawnError } from "./spawner.ts";
import type { SystemCalls } from "../system/process_calls.ts";

const EPERM = 1;

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
  test: (started: ScriptProcess) => Promise<void>,
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
async function readOutput(process: ScriptProcess): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes; (bytes = await process.output.read()) !== null;) text += decoder.decode(bytes, { stream: true });
  return text;
}

async function readPart(process: ScriptProcess): Promise<string> {
  return new TextDecoder().decode(await process.output.read() ?? new Uint8Array());
}

/** Whether a process that has not been reaped is more than a zombie: the state stands behind the name, see proc(5). */
function isRunning(pid: number): boolean {
  return !Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
}

Deno.test("ScriptProcess.signalGroup() reaches the script and its children, and nobody once they have ended", () =>
  withScript("sleep 100 & echo started; wait", async (process) => {
    assertEquals(await readPart(process), "started\n");
    assertEquals([process.hasGroup(), process.signalGroup("SIGTERM")], [true, true]);
    assertEquals((await process.reap()).description, "signal SIGTERM");
    // The child holds standard output; who inherits it takes its process id away.
    assertEquals(await readOutput(process), "");
    while (process.hasGroup()) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(process.signalGroup("SIGKILL"), false);
  }));

Deno.test("ScriptProcess.signalGroup() throws PermissionDenied when the group belongs to another user", () =>
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

const ENDS: readonly (readonly [script: string, isSuccess: boolean, description: string])[] = [
  ["exit 0", true, "exit status 0"],
  ["exit 7", false, "exit status 7"],
  ["kill -9 $$", false, "signal SIGKILL"],
  ["kill -40 $$", false, "signal 40"],
];

for (const [script, isSuccess, description] of ENDS) {
  Deno.test(`ScriptProcess.reap() tells ${description}`, () =>
    withScript(script, async (process) => assertEquals(await process.reap(), { isSuccess, description })));
}

Deno.test("ScriptProcess.reap() watches nothing when the process has ended", async () => {
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

Deno.test("ScriptProcess.reap() leaves it to a thread when there is no descriptor for the process", () =>
  withScript("read -r line; exit 3", async (process) => {
    const reaped = process.reap();
    process.input?.close();
    assertEquals((await reaped).description, "exit status 3");
  }, { hasInput: true, calls: { syscall: () => -1n } }));

Deno.test("PipeWriter.write() gives false when the script no longer reads", () =>
  withScript("exec <&-; echo closed; read -r line </dev/null", async (process) => {
    assertMatch(await readPart(process), /^closed/);
    assertEquals(await process.input?.write(new Uint8Array(100_000)), false);
  }, { hasInput: true }));

Deno.test("PipeWriter.write() gives false when the script ends while it waits for room", () =>
  withScript("echo ready; read -r line", async (process) => {
    assertMatch(await readPart(process), /^ready/);
    assertEquals(await process.input?.write(new Uint8Array(1_000_000).fill(0x0a)), false);
    assertEquals((await process.reap()).description, "exit status 0");
  }, { hasInput: true }));

Deno.test("PipeWriter.close() ends a write that waits for room", () =>
  withScript("echo ready; exec sleep 100", async (process) => {
    assertMatch(await readPart(process), /^ready/);
    const writing = process.input?.write(new Uint8Array(1_000_000));
    process.input?.close();
    assertEquals(await writing, false);
    assertEquals(await process.input?.write(new Uint8Array(1)), false);
  }, { hasInput: true }));

Deno.test("PipeWriter.write() gives the script every byte in order, and close() its end", () =>
  withScript("exec sha256sum", async (process) => {
    const content = Uint8Array.from({ length: 1_000_001 }, (_, index) => index * 7 ^ index >> 8);
    assertEquals(await process.input?.write(content.subarray(0, 300_000)), true);
    assertEquals(await process.input?.write(content.subarray(300_000)), true);
    process.input?.close();
    const want = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
    assertEquals(await readOutput(process), `${want}  -\n`);
  }, { hasInput: true }));

Deno.test("PipeReader.read() gives all of a large output, and null as often as it is asked at the end", () =>
  withScript("head -c 1000000 /dev/zero | tr '\\0' x", async (process) => {
    assertEquals(await readOutput(process), "x".repeat(1_000_000));
    assertEquals([await process.output.read(), await process.output.read()], [null, null]);
  }));

Deno.test("PipeReader.read() leaves what it gave alone until the next call, whatever other scripts print", () =>
  withScript("printf first; exec sleep 100", async (process) => {
    const bytes = await process.output.read();
    await withScript("printf second", async (other) => assertEquals(await readPart(other), "second"));
    assertEquals(new TextDecoder().decode(bytes ?? undefined), "first");
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

Deno.test("PipeReader.close() ends a read that waits", () =>
  withScript("exec sleep 100", async (process) => {
    const reading = process.output.read();
    process.output.close();
    assertEquals(await reading, null);
  }));

Deno.test("Spawner.start() gives a script its folder, its environment, signals as usual and no descriptor but three", () =>
  withScript(
    "pwd; env | sort; ls /proc/self/fd | tr '\\n' ' '; grep -E 'Sig(Ign|Blk)' /proc/self/status",
    async (process) => {
      assertEquals(
        await readOutput(process),
        "/\nPATH=/bin\nPWD=/\n0 1 2 3 SigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n",
        "3 is the folder that ls reads; the two ignored are the C library's own, SIGCANCEL and SIGSETXID",
      );
    },
  ));

const UNSTARTABLE: readonly (readonly [name: string, word: string, folder: string, errno: number])[] = [
  ["a program that is not there", "/nonexistent", "/", 2],
  ["a program that may not be executed", "/etc/passwd", "/", 13],
  ["a folder that is not there", "/bin/true", "/nonexistent", 2],
  ["a folder that is a file", "/bin/true", "/etc/passwd", 20],
];

for (const [name, word, folder, errno] of UNSTARTABLE) {
  Deno.test(`Spawner.start() throws SpawnError for ${name}, and leaves no descriptor`, async () => {
    const before = countDescriptors();
    const { spawner, readiness } = makeSpawner();
    const command = { words: [word], folder, environment: {}, hasInput: true };
    const error = await assertRejects(() => spawner.start(command), SpawnError);
    assertEquals([error.errno, error.isShortage], [errno, false]);
    await readiness.close();
    assertEquals(countDescriptors(), before);
  });
}

Deno.test("Spawner.start() throws a SpawnError of shortage when there are no descriptors, and leaves none", async () => {
  const { spawner, readiness } = makeSpawner({
    // The second pipe is one too many.
    pipe2: (descriptors, flags) => ++pipeCount > 1 ? -1 : systemCalls.pipe2(descriptors, flags),
  });
  let pipeCount = 0;
  const before = countDescriptors();
  const command = { words: ["/bin/true"], folder: "/", environment: {}, hasInput: false };
  const error = await assertRejects(() => spawner.start(command), SpawnError);
  assertEquals(error.isShortage, true);
  assertEquals(countDescriptors(), before);
  await readiness.close();
});

Deno.test("Spawner.start() starts 64 scripts at once, with words and variables of any length", async () => {
  const before = countDescriptors();
  const { spawner, readiness } = makeSpawner();
  const long = "\u20ac".repeat(20_000);
  const outputs = await Promise.all(Array.from({ length: 64 }, async (_, index) => {
    const words = ["/bin/sh", "-c", 'printf "%s %s" "$0" "${#LONG}"', `word ${index}`];
    const environment = { LONG: long.slice(0, index * 300), LC_ALL: "C" };
    const process = await spawner.start({ words, folder: "/", environment, hasInput: false });
    const output = await readOutput(process);
    process.errors.close();
    await process.reap();
    return output;
  }));
  assertEquals(outputs, outputs.map((_, index) => `word ${index} ${index * 900}`));
  await readiness.close();
  assertEquals(countDescriptors(), before);
});

Deno.test("Spawner.start() throws TypeError for a word with a NUL in it", async () => {
  const { spawner, readiness } = makeSpawner();
  const command = { words: ["/bin/echo", "a\0b"], folder: "/", environment: {}, hasInput: false };
  await assertRejects(() => spawner.start(command), TypeError);
  await readiness.close();
});

Deno.test("Spawner.start() tells the pace of each script when it starts and, once, when it is reaped", async () => {
  const told: string[] = [];
  class Recorder extends ScriptPace {
    override begin() {
      told.push("begin");
    }
    override end(runMs: number) {
      told.push(runMs > 0 && runMs < 60_000 ? "end" : `end after ${runMs} ms`);
    }
  }
  const readiness = new Readiness(readinessCalls);
  const spawner = new Spawner(systemCalls, readiness, new Recorder({ processors: 1, maxPauseMs: 1 }));
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
