import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Crowded, HttpError } from "../http/message.ts";
import { ScriptQueue } from "./script_queue.ts";

const [A, B] = ["192.0.2.1", "192.0.2.2"];

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
  const queue = new ScriptQueue({ scriptSharePercent: 100, maxScripts: 2, maxQueue: 2 });
  const turns = Array.from({ length: 4 }, () => queue.admit(A, false));
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
  const queue = new ScriptQueue({ scriptSharePercent: 100, maxScripts: 1, maxQueue: 0 });
  for (let i = 0; i < 3; i++) {
    const turn = queue.admit(A, false);
    assertEquals(await stateOf(queue.begin(turn)), "none");
    queue.end(turn);
  }
});

Deno.test("ScriptQueue does not take all clients without an address for one", async () => {
  const queue = new ScriptQueue({ scriptSharePercent: 50, maxScripts: 4, maxQueue: 0 });
  const begin = (address: string) => stateOf(queue.begin(queue.admit(address, false)));
  assertEquals([await begin(A), await begin(A)], ["none", "none"]);
  assertThrows(() => queue.begin(queue.admit(A, false)), HttpError);
  const other = new ScriptQueue({ scriptSharePercent: 50, maxScripts: 4, maxQueue: 0 });
  for (let count = 0; count < 4; count++) assertEquals(await stateOf(other.begin(other.admit("", false))), "none");
  assertThrows(() => other.begin(other.admit("", false)), HttpError);
});

Deno.test("ScriptQueue.begin() throws 503 with Retry-After when all places are taken, and admit() when too much content comes", () => {
  const queue = new ScriptQueue({ scriptSharePercent: 100, maxScripts: 1, maxQueue: 1 });
  queue.begin(queue.admit(A, false));
  queue.begin(queue.admit(A, false));
  // Contents that come take no place, and leave room for those that are whole.
  const spooling = Array.from({ length: 8 }, () => queue.admit(A, true));
  const few = assertThrows(() => queue.admit(A, true), HttpError);
  assertEquals([few.status, few.fields.get("retry-after")], [503, "1"]);
  assertEquals(few.message, "8 requests for scripts have content that still comes");
  const full = assertThrows(() => queue.begin(spooling[0]), HttpError);
  assertEquals([full.status, full.fields.get("retry-after")], [503, "1"]);
  assertEquals(full.message, "2 requests for scripts are under way");
  queue.end(spooling[0]);
  queue.end(spooling[0]);
  assertEquals(queue.admit(A, true).state, "admitted");
  assertThrows(() => queue.admit(A, true), HttpError);
  assertEquals(queue.admit(A, false).state, "admitted");
});

Deno.test("ScriptQueue.cancel() rejects the waiting and passes its turn by", async () => {
  const queue = new ScriptQueue({ scriptSharePercent: 100, maxScripts: 1, maxQueue: 2 });
  const [running, leaving, last] = Array.from({ length: 3 }, () => queue.admit(A, false));
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
  const queue = new ScriptQueue({ scriptSharePercent: 100, maxScripts: 1, maxQueue: 2 });
  const [running, waiting, spooling] = Array.from({ length: 3 }, () => queue.admit(A, false));
  queue.begin(running);
  const begun = queue.begin(waiting) ?? Promise.resolve();
  queue.close();
  assertEquals((await assertRejects(() => begun, HttpError)).status, 503);
  assertEquals(assertThrows(() => queue.admit(A, false), HttpError).status, 503);
  assertEquals(assertThrows(() => queue.begin(spooling), HttpError).status, 503);
});

Deno.test("ScriptQueue.begin() lets one address run no more than its share, and passes it by for others", async () => {
  const queue = new ScriptQueue({ maxScripts: 4, maxQueue: 4, scriptSharePercent: 75 });
  const turns = Array.from({ length: 5 }, () => queue.admit(A, false));
  const begun = turns.map((turn) => queue.begin(turn));
  assertEquals(await Promise.all(begun.map(stateOf)), ["none", "none", "none", "pending", "pending"]);
  const others = [queue.admit(B, false), queue.admit(B, false)];
  const othersBegun = others.map((turn) => queue.begin(turn));
  assertEquals(await Promise.all(othersBegun.map(stateOf)), ["none", "pending"]);
  queue.end(others[0]);
  assertEquals(await Promise.all([...begun.slice(3), othersBegun[1]].map(stateOf)), ["pending", "pending", "resolved"]);
  queue.end(turns[0]);
  assertEquals(await Promise.all(begun.slice(3).map(stateOf)), ["resolved", "pending"]);
});

Deno.test("ScriptQueue.begin() throws 503 when an address, or an IPv6 /64, has its share of the places", () => {
  const queue = new ScriptQueue({ maxScripts: 2, maxQueue: 2, scriptSharePercent: 75 });
  for (const address of ["2001:db8::1", "2001:db8::2", "2001:db8::3"]) queue.begin(queue.admit(address, false));
  const { status, message } = assertThrows(() => queue.begin(queue.admit("2001:db8::4", false)), HttpError);
  assertEquals([status, message], [503, "3 requests of 2001:db8::4 for scripts are under way"]);
  queue.begin(queue.admit(A, false));
  assertEquals(
    assertThrows(() => queue.begin(queue.admit(B, false)), HttpError).message,
    "4 requests for scripts are under way",
  );
});

Deno.test("ScriptQueue.beginFeeding() leaves three quarters of the places to those whose content is there", async () => {
  const queue = new ScriptQueue({ scriptSharePercent: 100, maxScripts: 8, maxQueue: 8 });
  const slow = Array.from({ length: 4 }, () => queue.admit(A, true));
  assertEquals(slow.map((turn) => queue.beginFeeding(turn)), [true, true, false, false]);
  const quick = Array.from({ length: 7 }, () => queue.begin(queue.admit(A, false)));
  assertEquals(await Promise.all(quick.map(stateOf)), [...new Array(6).fill("none"), "pending"]);
  queue.endFeeding(slow[0]);
  queue.endFeeding(slow[0]);
  // All places are taken.
  assertEquals(queue.beginFeeding(slow[2]), false);
  queue.end(slow[0]);
  queue.end(slow[1]);
  assertEquals(await stateOf(quick[6]), "resolved");
  assertEquals(slow.slice(2).map((turn) => queue.beginFeeding(turn)), [true, false]);
  queue.end(slow[2]);
  assertEquals(queue.beginFeeding(slow[3]), true);
});

Deno.test("ScriptQueue.beginFeeding() never takes the last place, nor more of them for one address than its share", () => {
  const most = (maxScripts: number, scriptSharePercent = 100) => {
    const queue = new ScriptQueue({ scriptSharePercent, maxScripts, maxQueue: 100 });
    return Array.from({ length: 100 }, () => queue.beginFeeding(queue.admit(A, true))).filter((began) => began).length;
  };
  assertEquals([1, 2, 3, 4, 8, 32].map((maxScripts) => most(maxScripts)), [0, 1, 1, 1, 2, 8]);
  assertEquals(most(32, 50), 4);
});

Deno.test("ScriptQueue.beginTalk() leaves half of the places to others, of which one address has its share", () => {
  const most = (maxScripts: number, scriptSharePercent = 100) => {
    const queue = new ScriptQueue({ scriptSharePercent, maxScripts, maxQueue: 100 });
    const turns = Array.from({ length: 100 }, () => queue.admit(A, false));
    const begun = turns.filter((turn) => {
      try {
        queue.beginTalk(turn);
        return true;
      } catch (error) {
        assert(error instanceof Crowded);
        return false;
      }
    });
    return { queue, begun };
  };
  assertEquals([1, 2, 3, 4, 8, 32].map((maxScripts) => most(maxScripts).begun.length), [1, 1, 1, 2, 4, 16]);
  const { queue, begun } = most(32, 50);
  assertEquals(begun.length, 8);
  assertThrows(
    () => queue.beginTalk(queue.admit(A, false)),
    Crowded,
    "8 requests of 192.0.2.1 for scripts are WebSocket",
  );
  queue.beginTalk(queue.admit(B, false));
  // One that waits, one that runs, and one that has not begun give it back alike.
  queue.begin(begun[0]);
  for (const turn of begun.slice(0, 2)) queue.end(turn);
  for (let count = 0; count < 2; count++) queue.beginTalk(queue.admit(A, false));
  assertThrows(() => queue.beginTalk(queue.admit(A, false)), Crowded);
});
