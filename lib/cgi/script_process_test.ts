import { assertEquals, assertMatch } from "@std/assert";
import { ReadBuffers, ScriptProcess } from "./script_process.ts";

function start(prefix: readonly string[], script: string, hasInput = false): ScriptProcess {
  const words = ["/bin/sh", "-c", script];
  return new ScriptProcess({ prefix, words, folder: "/", environment: { PATH: "/bin" }, hasInput }, new ReadBuffers());
}

/** Reads what is left of both outputs, and closes what is open. */
async function finish(process: ScriptProcess): Promise<{ output: string; end: string }> {
  const decoder = new TextDecoder();
  let output = "";
  for (let bytes; (bytes = await process.read()) !== null;) output += decoder.decode(bytes, { stream: true });
  process.cancelErrors();
  process.abortInput();
  const { description } = await process.ended;
  return { output, end: description };
}

Deno.test("ScriptProcess.signalGroup() reaches the process when it has no group yet, and nobody once it has ended", async () => {
  // Without a session starter it never gets one, as for a moment with it.
  const process = start([], "exec sleep 100");
  assertEquals(process.signalGroup("SIGTERM"), true);
  assertEquals((await finish(process)).end, "signal SIGTERM");
  assertEquals([process.signalGroup("SIGKILL"), process.hasGroup()], [false, false]);
});

Deno.test("ScriptProcess.write() gives false when the script no longer reads", async () => {
  const process = start([], "exec <&-; echo closed; read -r line </dev/null", true);
  assertMatch(new TextDecoder().decode(await process.read() ?? new Uint8Array()), /^closed/);
  const part = new Uint8Array(100_000);
  // The write that meets the broken pipe may still succeed.
  assertEquals([await process.write(part), await process.write(part)].pop(), false);
  await process.endInput();
  assertEquals((await finish(process)).end, "exit status 1");
});

Deno.test("ScriptProcess.read() uses one buffer for many scripts when they run one after the other", async () => {
  const buffers = new ReadBuffers();
  const acquired = buffers.acquire();
  buffers.release(acquired);
  assertEquals(buffers.acquire(), acquired);
  buffers.release(acquired);
  buffers.release(new Uint8Array(10));
  for (let i = 0; i < 3; i++) {
    const words = ["/bin/sh", "-c", "echo one; echo two"];
    const process = new ScriptProcess({ prefix: [], words, folder: "/", environment: {}, hasInput: false }, buffers);
    assertEquals((await finish(process)).output, "one\ntwo\n");
  }
  assertEquals(buffers.acquire().length, 65_536);
});
