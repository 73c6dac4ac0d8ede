import { assertEquals } from "@std/assert";
import {
  cpuMicrosecondsOf,
  parseStat,
  parseWaitedMicroseconds,
  type ProcessEntry,
  rssBytesOf,
  selectTree,
  withoutScripts,
} from "./process_stats.ts";

/** A line of /proc/PID/stat whose fields from 4 on are known. */
function statLine(name: string, state: string): string {
  const fields = Array.from({ length: 49 }, (_field, index) => String(index + 4));
  return `1234 (${name}) ${state} ${fields.join(" ")}\n`;
}

Deno.test("parseWaitedMicroseconds() adds what ended children have used, and nothing of the process itself", () => {
  // Fields 16 and 17, in hundredths of a second.
  assertEquals(parseWaitedMicroseconds(statLine("a) R (b c", "S")), 330_000);
});

const CASES = [
  { name: "a plain name", line: statLine("nginx", "S"), isZombie: false },
  { name: "a name with blanks and brackets", line: statLine("a) R (b c", "S"), isZombie: false },
  { name: "a zombie", line: statLine("sh", "Z"), isZombie: true },
];

Deno.test("parseStat() finds its fields when the process name is odd", async (t) => {
  for (const { name, line, isZombie } of CASES) {
    await t.step(name, () => {
      const want = { parentPid: 4, cpuTicks: 14 + 15 + 16 + 17, startTicks: 22, rssPages: 24, isZombie };
      assertEquals(parseStat(line), want);
    });
  }
});

/** A process with 2 ticks of CPU and 3 pages. */
function entry(pid: number, parentPid: number): ProcessEntry {
  return { pid, stat: { parentPid, cpuTicks: 2, startTicks: 0, rssPages: 3, isZombie: false } };
}

Deno.test("selectTree() takes descendants alone when a child is listed before its parent", () => {
  const all = [entry(12, 11), entry(1, 0), entry(11, 10), entry(10, 1), entry(20, 1), entry(13, 11)];
  assertEquals(selectTree(all, [10]).map(({ pid }) => pid), [12, 11, 10, 13]);
  assertEquals(selectTree(all, [99]), []);
});

Deno.test("cpuMicrosecondsOf() and rssBytesOf() add up when a tree has several processes", () => {
  assertEquals(cpuMicrosecondsOf([entry(1, 0), entry(2, 1)]), 40_000);
  assertEquals(rssBytesOf([entry(1, 0), entry(2, 1)]), 24_576);
});

Deno.test("withoutScripts() keeps what runs a program of the roots when scripts run beside them", () => {
  const programs: Readonly<Record<number, string | null>> = {
    1: "server",
    2: "helper",
    3: "server",
    4: "script",
    5: null,
  };
  const tree = [1, 2, 3, 4, 5].map((pid) => entry(pid, 0));
  const kept = (roots: readonly number[]): readonly number[] =>
    withoutScripts(tree, roots, (pid) => programs[pid]).map(({ pid }) => pid);
  assertEquals(kept([1]), [1, 3]);
  assertEquals(kept([1, 2]), [1, 2, 3]);
  // A root that has ended names no program, and others that have ended do not run it.
  assertEquals(kept([5]), []);
});
