import { assertEquals, assertThrows } from "@std/assert";
import { checkBytes, readReport, wrkCommand, type WrkReport } from "./wrk.ts";

const ERRORS = { connect: 0, read: 0, write: 0, status: 0, timeout: 0 };
const REPORT: WrkReport = {
  durationUs: 1_000_000,
  requests: 100,
  bytes: 20_000,
  p50Us: 80,
  p99Us: 900,
  p999Us: 2000,
  errors: ERRORS,
};

/** What wrk prints around the line of wrk.lua. */
function printed(report: WrkReport): string {
  return `Running 1s test @ http://127.0.0.1:1/\nRequests/sec: 1\nREPORT ${JSON.stringify(report)}\n`;
}

Deno.test("readReport() finds the line of wrk.lua when wrk prints more", () => {
  assertEquals(readReport(printed(REPORT)), REPORT);
});

Deno.test("readReport() throws when wrk counted an error of any kind", async (t) => {
  for (const kind of ["connect", "read", "write", "status", "timeout"]) {
    await t.step(kind, () => {
      const text = printed({ ...REPORT, errors: { ...ERRORS, [kind]: 3 } });
      assertThrows(() => readReport(text), Error, `wrk counted errors: ${kind} 3`);
    });
  }
});

Deno.test("readReport() throws when there is no line", () => {
  assertThrows(() => readReport("unable to connect\n"), Error, "unable to connect");
});

const BYTES = [
  { name: "exact", bytes: 20_000, underWay: 0, isRight: true },
  { name: "answers that were under way", bytes: 21_900, underWay: 10, isRight: true },
  { name: "more than can be under way", bytes: 23_500, underWay: 10, isRight: false },
  { name: "answers that got shorter", bytes: 15_000, underWay: 10, isRight: false },
  { name: "within the tolerance", bytes: 19_500, underWay: 0, isRight: true },
];

Deno.test("checkBytes() throws when answers changed under load", async (t) => {
  for (const { name, bytes, underWay, isRight } of BYTES) {
    await t.step(name, () => {
      const check = () => checkBytes({ ...REPORT, bytes }, { wireBytes: 200, underWay, tolerance: 0.03 });
      if (isRight) check();
      else assertThrows(check, Error, "where 200 were expected");
    });
  }
});

Deno.test("wrkCommand() passes fields and the arguments of the script when there are some", () => {
  const order = {
    url: "http://127.0.0.1:81/a",
    fields: [["Range", "bytes=0-1"]] as const,
    connections: 8,
    pipelined: 16,
    pauseMs: 5,
    seconds: 2,
  };
  const command = wrkCommand(order);
  assertEquals(command.slice(0, 6), ["wrk", "-t1", "-c8", "-d2s", "--timeout", "10s"]);
  assertEquals(command.slice(6, 8), ["-H", "Range: bytes=0-1"]);
  assertEquals(command.slice(-4), ["http://127.0.0.1:81/a", "--", "16", "5"]);
});
