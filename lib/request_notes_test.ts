import { assertEquals } from "@std/assert";
import { RequestNotes } from "./request_notes.ts";

Deno.test("RequestNotes tells what each phase took, those that come again as one, and all of it until the end", () => {
  let nowMs = 1000;
  const notes = new RequestNotes(() => nowMs);
  const pass = (ms: number) => nowMs += ms;
  assertEquals([notes.firstByteMs, notes.durationMs, notes.phases], [null, null, ""]);
  pass(2);
  notes.mark("access");
  pass(30.4);
  notes.mark("queue");
  pass(5);
  notes.mark("queue");
  pass(100.6);
  notes.markAnswer();
  assertEquals([notes.firstByteMs, notes.durationMs], [138, null]);
  pass(7);
  notes.markAnswer();
  notes.end();
  pass(9);
  notes.end();
  assertEquals([notes.firstByteMs, notes.durationMs], [138, 145]);
  assertEquals(notes.phases, "access 2, queue 35, first byte 101, rest 7");
});

Deno.test("RequestNotes has no time of a first byte where there was no answer", () => {
  let nowMs = 0;
  const notes = new RequestNotes(() => nowMs);
  nowMs = 3;
  notes.end();
  assertEquals([notes.firstByteMs, notes.durationMs, notes.phases], [null, 3, "rest 3"]);
});

Deno.test("RequestNotes names site and place as the configuration does, once it is known where the path led", () => {
  const notes = new RequestNotes(() => 0);
  const locate = (hosts: readonly string[], segments: readonly string[]) => {
    notes.location = { site: { hosts }, place: { prefix: { segments } } };
    return [notes.site, notes.place];
  };
  assertEquals([notes.site, notes.place], [null, null]);
  assertEquals(locate([], []), [null, "/"]);
  assertEquals(locate(["a.example", "b.example"], ["cgi", "x y"]), ["a.example", "/cgi/x y"]);
});
