import { assertEquals } from "@std/assert";
import { runWithCpu } from "./server_use.ts";

Deno.test("runWithCpu() counts the CPU time of programs that ended within the work as that of the load", async () => {
  // Some hundredths of a second, which is what the kernel counts in.
  const args = ["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; echo done"];
  const work = async () => new TextDecoder().decode((await new Deno.Command("sh", { args }).output()).stdout);
  const { report, cpuUs, loadUs } = await runWithCpu({ processes: [] }, work);
  assertEquals([report, cpuUs, loadUs > 0], ["done\n", 0, true]);
});
