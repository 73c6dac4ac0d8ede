import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { HttpError } from "../http/message.ts";
import { ScriptQueue } from "./script_queue.ts";

/** Tells, after every microtask so far, how far the promise has come. */
async function stateOf(promise: Promise<void> | null): Promise<"none" | "pending" | "resolved" | "rejected"> {
  if (promise === null) return "none";
  const pending = {};
  const settled = promise.then(() => "resolved" as const, () => "rejected" as const);
  await Promise.resolve();
  const first = await Promise.race([settled, Promise.resolve(pending)]);
  return first === pending ? "pending" : first as "resolved" | "rejected";
}

Deno.test("ScriptQueue.begin() lets as many run as may, and the next in the order of their coming", async () => {
  const queue = new ScriptQueue({ maxScripts: 2, maxQueue: 2 });
  const turns = Array.from({ length: 4 }, () => queue.admit());
  const begun = turns.map((turn) => queue.begin(turn));
  assertEquals(await Promise.all(begun.map(stateOf)), ["none", "none", "pending", "pending"]);
  queue.end(turns[1]);
  assertEquals(await Promise.all(begun.map(stateOf)), ["none", "none", "resolved", "pending"]);
  queue.end(turns[1]);
  assertEquals(await stateOf(begun[3]), "pending");
  queue.end(turns[0]);
  assertEquals(await stateOf(begun[3]), "resolved");
});

Deno.test("ScriptQueue.begin() lets a new one run when those before it have ended", async () => {
  const queue = new ScriptQueue({ maxScripts: 1, maxQueue: 0 });
  for (let i = 0; i < 3; i++) {
    const turn = queue.admit();
    assertEquals(await stateOf(queue.begin(turn)), "none");
    queue.end(turn);
  }
});

Deno.test("ScriptQueue.admit() throws 503 with Retry-After when all places are taken, running, waiting or spooling", () => {
  const queue = new ScriptQueue({ maxScripts: 1, maxQueue: 2 });
  queue.begin(queue.admit());
  queue.begin(queue.admit());
  const spooling = queue.admit();
  const error = assertThrows(() => queue.admit(), HttpError);
  assertEquals([error.status, error.fields.get("retry-after")], [503, "1"]);
  queue.end(spooling);
  queue.end(spooling);
  assertEquals(queue.admit().state, "admitted");
  assertThrows(() => queue.admit(), HttpError);
});

Deno.test("ScriptQueue.cancel() rejects the waiting and passes its turn by", async () => {
  const queue = new ScriptQueue({ maxScripts: 1, maxQueue: 2 });
  const [running, leaving, last] = Array.from({ length: 3 }, () => queue.admit());
  queue.begin(running);
  const left = queue.begin(leaving) ?? Promise.resolve();
  const lastBegun = queue.begin(last);
  queue.cancel(leaving, new Error("gone"));
  await assertRejects(() => left, Error, "gone");
  queue.end(leaving);
  assertEquals(await stateOf(lastBegun), "pending");
  queue.end(running);
  assertEquals(await stateOf(lastBegun), "resolved");
  queue.cancel(last, new Error("too late"));
  assertEquals([last.state, await stateOf(lastBegun)], ["running", "resolved"]);
});

Deno.test("ScriptQueue.close() refuses those who wait and those who come", async () => {
  const queue = new ScriptQueue({ maxScripts: 1, maxQueue: 2 });
  const [running, waiting, spooling] = Array.from({ length: 3 }, () => queue.admit());
  queue.begin(running);
  const begun = queue.begin(waiting) ?? Promise.resolve();
  queue.close();
  assertEquals((await assertRejects(() => begun, HttpError)).status, 503);
  assertEquals(assertThrows(() => queue.admit(), HttpError).status, 503);
  assertEquals(assertThrows(() => queue.begin(spooling), HttpError).status, 503);
});
