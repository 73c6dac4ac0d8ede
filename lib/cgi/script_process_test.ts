import { assertEquals, assertMatch } from "@std/assert";
import { ScriptProcess } from "./script_process.ts";

function start(prefix: readonly string[], script: string, hasInput = false): ScriptProcess {
  const words = ["/bin/sh", "-c", script];
  return new ScriptProcess({ prefix, words, folder: "/", environment: { PATH: "/bin" }, hasInput });
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

Deno.test("ScriptProcess.read() gives all of a large output, and null as often as it is asked at the end", async () => {
  const process = start([], "head -c 1000000 /dev/zero | tr '\\0' x");
  const { output } = await finish(process);
  assertEquals(output, "x".repeat(1_000_000));
  assertEquals([await process.read(), await process.read()], [null, null]);
});
