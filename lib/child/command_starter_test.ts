/** What only the runtime's way of starting programs does; what it has in common with the other stands in child_test.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import process from "node:process";
import { CommandStarter } from "./command_starter.ts";

const COMMAND = { words: ["/bin/sleep", "100"], folder: "/", environment: {}, hasInput: false };

Deno.test("CommandChild.signalGroup() throws PermissionDenied when the group belongs to another user", async () => {
  const child = await new CommandStarter().start(COMMAND);
  const { kill } = process;
  process.kill = () => {
    throw Object.assign(new Error("kill EPERM"), { code: "EPERM" });
  };
  try {
    assertThrows(() => child.signalGroup("SIGTERM"), Deno.errors.PermissionDenied);
    assertThrows(() => child.hasGroup(), Deno.errors.PermissionDenied);
  } finally {
    process.kill = kill;
  }
  assertEquals(child.signalGroup("SIGKILL"), true);
  for (const end of [child.output, child.errors]) end.close();
  assertEquals(await child.reap(), { isSuccess: false, description: "signal SIGKILL" });
});
