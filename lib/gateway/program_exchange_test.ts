/** An exchange with a program that is none: what it says is written here, and what is done to it is recorded. */
import { assertEquals, assertRejects } from "@std/assert";
import { BytesBody, HttpError } from "../http/message.ts";
import { MemoryBudget } from "../memory_budget.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { ProgramExchange, type ProgramPeer } from "./program_exchange.ts";
import { SpoolFolder } from "./spool_folder.ts";

const LIMITS = { ...DEFAULT_LIMITS, scriptMs: 1000, scriptBodyMs: 2000 };
const HEAD = "Content-Type: text/plain\n\n";

/** A program that prints these parts, and then waits (null: comes to its end). */
class FakePeer implements ProgramPeer {
  readonly label = "fake";
  /** What was done: `end late`, `write 3`, `close input`. */
  readonly done: string[] = [];
  readonly #parts: (string | null)[];
  /** Of all reads, as long as nobody wants to keep what it holds. */
  #buffer = new Uint8Array(1000);
  readonly #closed = Promise.withResolvers<null>();

  constructor(...parts: readonly (string | null)[]) {
    this.#parts = [...parts];
  }

  readonly input = {
    write: (bytes: Uint8Array) => Promise.resolve(this.done.push(`write ${bytes.length}`) > 0),
    close: () => void this.done.push("close input"),
  };

  readonly output = {
    read: () => {
      const part = this.#parts.shift();
      if (part === undefined) return this.#closed.promise;
      if (part === null) return Promise.resolve(null);
      return Promise.resolve(this.#buffer.subarray(0, new TextEncoder().encodeInto(part, this.#buffer).written));
    },
    keepLast: () => void (this.#buffer = new Uint8Array(1000)),
    close: () => {},
  };

  end(why: string): void {
    this.done.push(`end ${why}`);
    this.#closed.resolve(null);
  }
}

function exchangeWith(peer: FakePeer, signal = new AbortController().signal) {
  const warnings: string[] = [];
  const log = { debug() {}, info() {}, warn: (_: string, text: string) => void warnings.push(text), error() {} };
  const clock = { nowMs: 0, update() {} };
  const ahead = {
    room: { memoryBytes: 400, fileBytes: 0 },
    folder: new SpoolFolder("/tmp", 10_000),
    budget: new MemoryBudget(),
  };
  const exchange = new ProgramExchange(peer, { request: { signal }, limits: LIMITS, log, clock, ahead });
  return { exchange, warnings, clock, room: ahead.room };
}

Deno.test("ProgramExchange feeds the content, closes the input at its end, and gives head and output", async () => {
  const peer = new FakePeer("Content-Ty", "pe: text/plain\n\nHe", "llo", null);
  const { exchange } = exchangeWith(peer);
  await exchange.feed(new BytesBody(new Uint8Array(3)));
  assertEquals(peer.done, ["write 3", "close input"]);
  const { response, rest } = await exchange.readHead();
  assertEquals([response.kind, new TextDecoder().decode(rest)], ["document", "He"]);
  assertEquals([new TextDecoder().decode(await exchange.read() ?? undefined), await exchange.read()], ["llo", null]);
  await exchange.outputEnded;
  assertEquals([exchange.hasOutputEnded, peer.done.includes("end unwanted")], [true, false]);
});

const FAILURES: readonly { name: string; parts: readonly (string | null)[]; message: RegExp }[] = [
  { name: "nothing", parts: [null], message: /^fake printed nothing$/ },
  { name: "half a head", parts: ["Content-Ty", null], message: /^fake printed an incomplete head: "Content-Ty"$/ },
  { name: "no head", parts: ["Hello, world\n\n"], message: /no field/ },
];

for (const { name, parts, message } of FAILURES) {
  Deno.test(`ProgramExchange.readHead() throws 500 for ${name}, and ends the program`, async () => {
    const peer = new FakePeer(...parts);
    const { exchange } = exchangeWith(peer);
    const error = await assertRejects(() => exchange.readHead(), HttpError);
    assertEquals([error.status, message.test(error.message)], [500, true], error.message);
    assertEquals([exchange.hasOutputEnded, peer.done.includes("end unwanted")], [true, !parts.includes(null)]);
  });
}

Deno.test("ProgramExchange.sweep() throws 504 when no head comes in time, and not a moment before", async () => {
  const peer = new FakePeer();
  const { exchange } = exchangeWith(peer);
  const head = assertRejects(() => exchange.readHead(), HttpError);
  const sinceMs = exchange.waitStartMs;
  exchange.sweep(sinceMs + LIMITS.scriptMs);
  assertEquals(peer.done, []);
  exchange.sweep(sinceMs + LIMITS.scriptMs + 1);
  assertEquals((await head).status, 504);
  assertEquals(peer.done, ["end unwanted", "close input"]);
});

Deno.test("ProgramExchange.sweep() fails content that stays away too long, and no status can be told any more", async () => {
  const peer = new FakePeer(HEAD);
  const { exchange } = exchangeWith(peer);
  await exchange.readHead();
  // Nobody waits for output: the program has nothing to answer for.
  exchange.sweep(99);
  assertEquals(peer.done, []);
  const read = assertRejects(() => exchange.read(), Error, "fake printed nothing for 2000 ms");
  exchange.sweep(exchange.waitStartMs + LIMITS.scriptBodyMs + 1);
  assertEquals(await read instanceof HttpError, false);
  assertEquals(peer.done, ["end unwanted"]);
});

Deno.test("ProgramExchange.sweep() ends a program that goes on for long after its answer, with a warning", async () => {
  for (const discards of [true, false]) {
    const peer = discards ? new FakePeer(HEAD) : new FakePeer(HEAD, null);
    const { exchange, warnings } = exchangeWith(peer);
    await exchange.readHead();
    const ended = discards ? exchange.discard() : exchange.read();
    if (!discards) await ended;
    exchange.sweep(exchange.waitStartMs + LIMITS.scriptBodyMs + 1);
    exchange.sweep(exchange.waitStartMs + LIMITS.scriptBodyMs + 9);
    await ended;
    assertEquals(warnings, ["Still runs 2000 ms after its response: it is ended"]);
    assertEquals(peer.done.filter((what) => what !== "close input"), ["end late"]);
  }
});

Deno.test("ProgramExchange.sweep() blames no program while the client sends", async () => {
  const peer = new FakePeer();
  const { exchange } = exchangeWith(peer);
  const waiting = Promise.withResolvers<void>();
  const fed = exchange.feed({
    length: 1,
    [Symbol.asyncIterator]: () => ({
      next: () => waiting.promise.then(() => ({ done: true, value: undefined } as const)),
    }),
    close: () => Promise.resolve(),
  });
  const head = assertRejects(() => exchange.readHead(), HttpError);
  exchange.sweep(exchange.waitStartMs + 1_000_000);
  assertEquals(peer.done, []);
  waiting.resolve();
  await fed;
  exchange.sweep(exchange.waitStartMs + 1_000_000);
  assertEquals((await head).status, 504);
});

Deno.test("ProgramExchange watches the client once the program runs longer than most, up to the end of the output", async () => {
  const controller = new AbortController();
  const peer = new FakePeer();
  const { exchange } = exchangeWith(peer, controller.signal);
  const head = assertRejects(() => exchange.readHead(), Deno.errors.Interrupted);
  exchange.sweep(0);
  exchange.sweep(200);
  controller.abort();
  await head;
  assertEquals(peer.done, ["end unwanted", "close input"]);
});

Deno.test("ProgramExchange.stop() tells whoever waits 503, and ends the program once", async () => {
  const peer = new FakePeer();
  const { exchange } = exchangeWith(peer);
  const head = assertRejects(() => exchange.readHead(), HttpError);
  exchange.stop();
  exchange.stop();
  assertEquals((await head).status, 503);
  assertEquals(peer.done.filter((what) => what.startsWith("end")), ["end unwanted"]);
});

Deno.test("ProgramExchange tells what breaks the request's content, also after the head", async () => {
  const broken = () => ({
    length: 1,
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new HttpError(408, "too slow")) }),
    close: () => Promise.resolve(),
  });
  const peer = new FakePeer(HEAD);
  const { exchange } = exchangeWith(peer);
  await exchange.readHead();
  await exchange.feed(broken());
  assertEquals((await assertRejects(() => exchange.read(), HttpError)).status, 408);
  assertEquals(peer.done, ["end unwanted"]);
});

Deno.test("ProgramExchange.breakOff() is 504 before the head, no status after it, and ends the program late", async () => {
  const before = new FakePeer();
  const waiting = exchangeWith(before);
  const head = assertRejects(() => waiting.exchange.readHead(), HttpError, "fake: a job holds its output");
  waiting.exchange.breakOff("a job holds its output");
  assertEquals([(await head).status, before.done[0]], [504, "end late"]);

  const after = new FakePeer(`${HEAD}Hello`);
  const answering = exchangeWith(after);
  await answering.exchange.readHead();
  const rest = assertRejects(() => answering.exchange.read(), Error, "fake: a job holds its output");
  answering.exchange.breakOff("a job holds its output");
  assertEquals([(await rest) instanceof HttpError, after.done[0]], [false, "end late"]);
});

Deno.test("ProgramExchange.breakOff() ends a program whose answer nobody waits for", async () => {
  const peer = new FakePeer(`${HEAD}Hello`);
  const { exchange } = exchangeWith(peer);
  await exchange.readHead();
  assertEquals(exchange.isAnswered, false);
  const discarding = exchange.discard();
  assertEquals([exchange.isAnswered, exchange.hasOutputEnded], [true, false]);
  exchange.breakOff("a job holds its output");
  await discarding;
  assertEquals([exchange.hasOutputEnded, peer.done[0]], [true, "end late"]);
});

Deno.test("ProgramExchange reads ahead for a client that is slow, so that the program ends, and gives it all", async () => {
  const peer = new FakePeer(`${HEAD}one `, "two ", "three", null);
  const { exchange, clock, room } = exchangeWith(peer);
  const { rest } = await exchange.readHead();
  assertEquals(new TextDecoder().decode(rest), "one ");
  clock.nowMs = 99;
  exchange.takeAhead(clock.nowMs);
  assertEquals(exchange.hasOutputEnded, false);
  exchange.takeAhead(clock.nowMs = 100);
  await exchange.outputEnded;
  assertEquals([exchange.isAnswered, room.memoryBytes], [true, 400 - "two three".length]);
  let text = "";
  for (let part; (part = await exchange.read()) !== null;) text += new TextDecoder().decode(part);
  assertEquals([text, room.memoryBytes], ["two three", 400]);
});

Deno.test("ProgramExchange leaves what it has given to a slow client as it is while it reads ahead", async () => {
  const peer = new FakePeer(HEAD, "one ", "two ", "three", null);
  const { exchange, clock } = exchangeWith(peer);
  await exchange.readHead();
  const given = await exchange.read() ?? new Uint8Array(0);
  exchange.takeAhead(clock.nowMs = 100);
  await exchange.outputEnded;
  assertEquals(new TextDecoder().decode(given), "one ");
});

Deno.test("ProgramExchange reads ahead no more than there is room for, and drops all when it is abandoned", async () => {
  const peer = new FakePeer(`${HEAD}`, "x".repeat(300), null);
  const { exchange, clock, room } = exchangeWith(peer);
  await exchange.readHead();
  exchange.takeAhead(clock.nowMs = 100);
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([exchange.hasOutputEnded, room.memoryBytes], [false, 300]);
  // It waits for its client, and no limit passes.
  exchange.sweep(clock.nowMs = 1_000_000);
  exchange.abandon();
  await exchange.outputEnded;
  assertEquals([room.memoryBytes, peer.done], [400, ["end unwanted", "close input"]]);
});

Deno.test("ProgramExchange does not read ahead while the client waits for the program", async () => {
  const peer = new FakePeer(`${HEAD}`);
  const { exchange, clock } = exchangeWith(peer);
  await exchange.readHead();
  const read = exchange.read();
  exchange.takeAhead(clock.nowMs = 5000);
  peer.end("now");
  assertEquals(await read, null);
});

Deno.test("ProgramExchange.breakOff() has no status for a client whose output is read ahead", async () => {
  const peer = new FakePeer(`${HEAD}one `);
  const { exchange, clock } = exchangeWith(peer);
  await exchange.readHead();
  exchange.takeAhead(clock.nowMs = 100);
  const rest = assertRejects(() => exchange.read(), Error, "fake: a job holds its output");
  await new Promise((resolve) => setTimeout(resolve));
  exchange.breakOff("a job holds its output");
  assertEquals((await rest) instanceof HttpError, false);
});

Deno.test("ProgramExchange gives what it has read ahead before it tells that the answer is broken off, but not to a client that has gone", async () => {
  for (const hasGone of [false, true]) {
    const controller = new AbortController();
    const peer = new FakePeer(HEAD, "one ", "two ", "\u0000".repeat(1000));
    const { exchange, clock, room } = exchangeWith(peer, controller.signal);
    await exchange.readHead();
    exchange.sweep(clock.nowMs = 100);
    await new Promise((resolve) => setTimeout(resolve));
    if (hasGone) controller.abort();
    else exchange.breakOff("a job holds its output");
    let count = 0;
    const rest = async () => {
      for (let part; (part = await exchange.read()) !== null;) count += part.length;
    };
    await assertRejects(rest, Error, hasGone ? "The client has gone" : "fake: a job holds its output");
    assertEquals([count, room.memoryBytes], [hasGone ? 0 : 1008, 400]);
  }
});
