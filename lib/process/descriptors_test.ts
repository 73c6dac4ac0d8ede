import { assertEquals } from "@std/assert";
import { fitConnections, fitScripts, readDescriptorLimit } from "./descriptors.ts";
import { NO_LIBC, openLibc } from "../system/libc.ts";

Deno.test("fitConnections() leaves descriptors for everything else", () => {
  const table: readonly [wanted: number, descriptors: number, want: number][] = [
    [10_000, Infinity, 10_000],
    [10_000, 1_048_576, 10_000],
    [10_000, 10_512, 10_000],
    [10_000, 10_511, 9999],
    [10_000, 1024, 768],
    [10_000, 256, 160],
    [100, 256, 100],
    [10_000, 64, 32],
    [10_000, 3, 1],
  ];
  for (const [maxConnectionCount, descriptors, want] of table) {
    assertEquals(fitConnections({ maxConnectionCount }, descriptors), want, `${maxConnectionCount} of ${descriptors}`);
  }
});

Deno.test("fitScripts() lets as many run as the other descriptors are enough for, and one at least", () => {
  const table: readonly [maxScripts: number, descriptorCount: number, maxConnectionCount: number, want: number][] = [
    [32, Infinity, 10_000, 32],
    [32, 1024, 768, 32],
    [64, 1024, 768, 36],
    [64, 256, 160, 9],
    [64, 128, 64, 4],
    [64, 64, 32, 1],
    [1, 1024, 768, 1],
  ];
  for (const [maxScripts, descriptorCount, maxConnectionCount, want] of table) {
    assertEquals(fitScripts(maxScripts, { descriptorCount, maxConnectionCount }), want, `${descriptorCount}`);
  }
});

const libc = openLibc();

Deno.test("readDescriptorLimit() finds the limit of this process", async () => {
  const { stdout } = await new Deno.Command("prlimit", { args: ["--nofile", "--output=HARD", "--noheadings"] })
    .output();
  assertEquals(readDescriptorLimit(libc), Number(new TextDecoder().decode(stdout)));
  assertEquals(readDescriptorLimit(NO_LIBC), readDescriptorLimit(libc), "by a shell");
});
