import { assertEquals } from "@std/assert";
import { Progress } from "./progress.ts";

function startProgress(columns = 80) {
  const written: string[] = [];
  const clock = { ms: 1000 };
  const progress = new Progress({ columns, nowMs: () => clock.ms, write: (text) => written.push(text) });
  return { progress, written, clock };
}

Deno.test("Progress says nothing of what is done within half a second", () => {
  const { progress, written, clock } = startProgress();
  progress.tell("reading a");
  clock.ms += 499;
  progress.tell("reading b");
  progress.end();
  assertEquals(written, []);
});

Deno.test("Progress writes each line over the one before, ten times a second at most, and leaves none", () => {
  const { progress, written, clock } = startProgress();
  for (const [afterMs, doing] of [[500, "site 1"], [99, "site 2"], [1, "site 3"]] as const) {
    clock.ms += afterMs;
    progress.tell(doing);
  }
  progress.end();
  progress.end();
  assertEquals(written, ["\r\x1b[Klisod: site 1", "\r\x1b[Klisod: site 3", "\r\x1b[K"]);
  progress.tell("waiting");
  assertEquals(written.at(-1), "\r\x1b[Klisod: waiting");
});

Deno.test("Progress keeps to one row, and passes no control characters on", () => {
  const { progress, written, clock } = startProgress(20);
  clock.ms += 500;
  progress.tell("at /a\x1b[2J\n\x9b/long/path");
  assertEquals(written, ["\r\x1b[Klisod: at /a?[2J??/"]);
});
