import { assert, assertEquals } from "@std/assert";
import { NO_LIBC, openLibc } from "./libc.ts";
import { countDescriptors, parseCpuSeconds, readCpuSeconds } from "./process_stat.ts";

// Once, for no test is to unload it.
const libc = openLibc();

Deno.test("parseCpuSeconds() adds the times of a process and of its children, whatever its name", () => {
  const rest = "S 1 2 3 4 5 6 7 8 9 10 150 50 30 20 16 17";
  assertEquals(parseCpuSeconds(`42 (sh) ${rest}`), 2.5);
  assertEquals(parseCpuSeconds(`42 (a) b (c) ${rest}`), 2.5);
  assertEquals(parseCpuSeconds(""), null);
  assertEquals(parseCpuSeconds("42 (sh) S 1 2 3"), null);
});

Deno.test("readCpuSeconds() tells of processes that are there, and nothing without the C library", () => {
  const own = readCpuSeconds(libc, "self");
  assert(own !== null && own > 0, `${own}`);
  assertEquals(readCpuSeconds(libc, 2 ** 22 + 1), null);
  assertEquals(readCpuSeconds(NO_LIBC, "self"), null);
});

Deno.test("countDescriptors() counts one more for each file that is opened", async () => {
  const before = countDescriptors(libc);
  using _file = await Deno.open(import.meta.filename ?? "");
  assertEquals(countDescriptors(libc), (before ?? 0) + 1);
  assertEquals(countDescriptors(NO_LIBC), null);
});
