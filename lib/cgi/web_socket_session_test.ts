/** A client and a program that are none: what each says is said here, with the time, and what is done to it is recorded. */
import { assert, assertEquals } from "@std/assert";
import type { ChildEnd } from "../child/child.ts";
import type { UpgradedStream } from "../http/message.ts";
import { DEFAULT_LIMITS, type Limits } from "../limits.ts";
import {
  binary,
  closing,
  code,
  joinBytes,
  more,
  ping,
  pong,
  readServerFrames,
  text,
} from "../../tests/websocket_frames.ts";
import type { Framing } from "../websocket/program_messages.ts";
import type { ScriptPeer } from "./script_run.ts";
import { WebSocketSession } from "./web_socket_session.ts";

const LIMITS = {
  ...DEFAULT_LIMITS,
  ...{ maxMessageBytes: 1000, websocketPingMs: 10_000, websocketCloseMs: 2000, scriptBodyMs: 5000 },
};

/** What comes of one side, put in by the test; null at its end. */
class Source {
  isClosed = false;
  readonly #parts: (Uint8Array | null | Error)[] = [];
  #wake: (() => void) | null = null;

  put(...parts: readonly (Uint8Array | string | null | Error)[]): void {
    this.#parts.push(...parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part));
    this.#wake?.();
  }

  get isWaiting(): boolean {
    return this.#wake !== null;
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#parts.length === 0 && !this.isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
    const part = this.#parts.shift() ?? null;
    if (part instanceof Error) throw part;
    return part;
  }

  keepLast(): void {}

  close(): void {
    this.isClosed = true;
    this.#wake?.();
  }
}

/** Takes bytes, or keeps whoever writes waiting. */
class Sink {
  readonly bytes: Uint8Array[] = [];
  isBlocked = false;
  isClosed = false;
  #wake = Promise.withResolvers<void>();

  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.isBlocked && !this.isClosed) await this.#wake.promise;
    if (this.isClosed) return false;
    this.bytes.push(bytes.slice());
    return true;
  }

  unblock(): void {
    this.isBlocked = false;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  close(): void {
    this.isClosed = true;
    this.#wake.resolve();
  }

  get text(): string {
    return new TextDecoder().decode(joinBytes(...this.bytes));
  }
}

class Play {
  readonly client = new Source();
  readonly sent = new Sink();
  readonly input = new Sink();
  readonly output = new Source();
  /** What was done, in order. */
  readonly calls: string[] = [];
  readonly log: string[] = [];
  readonly clock = { nowMs: 0, update() {} };
  readonly session: WebSocketSession;
  readonly done: Promise<string>;
  heldBytes = 0;
  readonly #ended = Promise.withResolvers<ChildEnd>();
  readonly #draining = Promise.withResolvers<void>();

  constructor({ framing = "text", limits = {}, isRun = true }: {
    readonly framing?: Framing;
    readonly limits?: Partial<Limits>;
    readonly isRun?: boolean;
  } = {}) {
    const peer: ScriptPeer = {
      ...{ label: "job[42]", input: this.input, output: this.output, ended: this.#ended.promise },
      end: (why) => {
        this.calls.push(why);
        this.output.close();
        this.input.close();
      },
    };
    const note = (level: string) => (_: string, text: string) => void this.log.push(`${level} ${text}`);
    const log = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    this.session = new WebSocketSession(peer, { framing, limits: { ...LIMITS, ...limits }, log, clock: this.clock });
    this.done = isRun
      ? this.session.run(this.#stream()).then(() => "done", (error) => `${error}`)
      : Promise.resolve("");
  }

  #stream(): UpgradedStream {
    return {
      draining: this.#draining.promise,
      read: () => this.client.read(),
      flow: () => Promise.reject(new Error("Messages are read")),
      write: async (bytes) => {
        if (!await this.sent.write(bytes)) throw new Deno.errors.BrokenPipe();
      },
      limitSilence: () => {},
      endWithin: (ms) => void this.calls.push(`end within ${ms}`),
      hold: (bytes) => void (this.heldBytes = bytes),
      cut: (reason) => {
        this.calls.push(`cut: ${reason}`);
        this.client.put(new Deno.errors.Interrupted("cut"));
      },
    };
  }

  /** What the client was sent. */
  get said(): readonly string[] {
    return readServerFrames(joinBytes(...this.sent.bytes));
  }

  drain(): void {
    this.#draining.resolve();
  }

  endProcess(isSuccess = true): void {
    this.output.put(null);
    this.#ended.resolve({ isSuccess, description: "" });
  }

  /** Lets everything go on that can. */
  settle(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve));
  }

  /** Sweeps every 100 ms, as the runner does. */
  async advance(ms: number): Promise<void> {
    for (const endMs = this.clock.nowMs + ms; this.clock.nowMs < endMs;) {
      this.clock.nowMs += 100;
      this.session.sweep(this.clock.nowMs);
      await this.settle();
    }
  }
}

Deno.test("WebSocketSession passes messages to the program and lines to the client, and both say goodbye", async () => {
  const play = new Play();
  play.client.put(joinBytes(text("one"), text("tw", { isLast: false })), more("o"));
  play.output.put("hello\nwor", "ld\n\n");
  await play.settle();
  assertEquals([play.input.text, play.said], ["one\ntwo\n", ['text "hello"', 'text "world"', 'text ""']]);
  await play.advance(6000);
  play.client.put(closing(code(1001, "leaving")));
  assertEquals(await play.done, "done");
  assertEquals([play.said.at(-1), play.input.isClosed, play.calls], ["close 1001", true, ["end within 2000"]]);
  // What it still says is nobody's.
  play.output.put("late\n", Uint8Array.of(0xff));
  play.endProcess();
  await play.settle();
  assertEquals([play.said.length, play.session.isAnswered, play.session.hasOutputEnded, play.log], [4, true, true, []]);
});

Deno.test("WebSocketSession ends a program that goes on after its client has closed, and one whose client is gone at once", async () => {
  const closed = new Play();
  closed.client.put(closing());
  await closed.done;
  await closed.advance(1900);
  assertEquals([closed.said, closed.calls], [["close"], ["end within 2000"]]);
  await closed.advance(200);
  assertEquals(closed.calls, ["end within 2000", "unwanted"]);
  for (const [end, want] of [[null, "done"], [new Deno.errors.ConnectionReset("x"), "ConnectionReset: x"]] as const) {
    const gone = new Play();
    gone.client.put(text("last words"), end);
    assertEquals(await gone.done, want);
    assertEquals([gone.input.text, gone.calls, gone.said], ["last words\n", ["unwanted"], []]);
  }
});

Deno.test("WebSocketSession closes with 1000 or 1011 when the program has ended, and waits for the client", async () => {
  for (const [isSuccess, want] of [[true, "close 1000"], [false, "close 1011"]] as const) {
    const play = new Play();
    play.output.put("and");
    play.endProcess(isSuccess);
    await play.settle();
    assertEquals([play.said, play.calls], [['text "and"', want], ["end within 2000"]]);
    // What comes before its close is nobody's.
    play.client.put(text("too late"), ping("x"), closing(code(1000)));
    assertEquals([await play.done, play.said.length, play.input.text], ["done", 2, ""]);
  }
});

Deno.test("WebSocketSession does not wait for the end of a program that lets go of its output", async () => {
  const play = new Play();
  play.output.put(null);
  await play.advance(1900);
  assertEquals([play.said, play.session.isAnswered], [[], true]);
  await play.advance(200);
  assertEquals([play.said, play.calls], [["close 1000"], ["unwanted", "end within 2000"]]);
});

for (
  const { name, framing, bytes, want, input } of [
    { name: "1002", framing: "text", bytes: text("x", { mask: null }), want: "close 1002", input: "before\n" },
    { name: "1007", framing: "text", bytes: text(Uint8Array.of(255)), want: "close 1007", input: "before\n" },
    { name: "1009", framing: "text", bytes: text("x".repeat(1001)), want: "close 1009", input: "before\n" },
    { name: "1003", framing: "text", bytes: binary("x"), want: "close 1003", input: "before\n" },
  ] as const
) {
  Deno.test(`WebSocketSession fails the connection with ${name}, and ends the program`, async () => {
    const play = new Play({ framing });
    play.client.put(joinBytes(text("before"), bytes, text("after")));
    assertEquals(await play.done, "done");
    assertEquals([play.said, play.input.text, play.calls], [[want], input, ["end within 2000", "unwanted"]]);
    assertEquals(play.log.length, 1);
  });
}

Deno.test("WebSocketSession gives a program of binary framing texts and bytes behind their lengths", async () => {
  const play = new Play({ framing: "binary" });
  play.client.put(joinBytes(binary(Uint8Array.of(10, 0)), text("a"), binary("")));
  play.output.put(Uint8Array.of(0, 0, 0, 1), Uint8Array.of(7));
  await play.settle();
  assertEquals(joinBytes(...play.input.bytes).toHex(), "000000020a00" + "0000000161" + "00000000");
  assertEquals(play.said, ["binary 1"]);
  play.output.put(Uint8Array.of(0, 0, 0, 9, 1), null);
  await play.settle();
  assertEquals([play.said.at(-1), play.log], ["close 1011", ["warn Its output: ended within a message"]]);
});

Deno.test("WebSocketSession ends a program that prints what is not UTF-8, and says so", async () => {
  const play = new Play();
  play.output.put("good\n", Uint8Array.of(0xe4, 10));
  await play.settle();
  assertEquals([play.said, play.calls], [['text "good"', "close 1011"], ["end within 2000", "late"]]);
  assertEquals(play.log, ["warn Its output: printed what is not UTF-8"]);
});

Deno.test("WebSocketSession answers pings, asks silent clients, and cuts those that do not answer", async () => {
  const play = new Play();
  play.client.put(ping("there?"), pong("unasked"));
  await play.settle();
  assertEquals(play.said, ['pong "there?"']);
  await play.advance(9900);
  assertEquals(play.said.length, 1);
  await play.advance(200);
  assertEquals(play.said.at(-1), 'ping ""');
  play.client.put(pong());
  await play.advance(9000);
  assertEquals(play.said.length, 2);
  await play.advance(1100);
  assertEquals([play.said.length, play.calls], [3, []]);
  await play.advance(10_100);
  assertEquals([play.calls, await play.done], [["cut: no answer to a ping", "unwanted"], "Interrupted: cut"]);
});

Deno.test("WebSocketSession asks nothing of a client that takes something long, and hears by it that the client is there", async () => {
  const play = new Play();
  play.sent.isBlocked = true;
  play.output.put("long\n");
  await play.advance(60_000);
  play.sent.unblock();
  await play.settle();
  assertEquals([play.said, play.calls], [['text "long"'], []]);
  // From then on it is silent.
  await play.advance(9900);
  assertEquals(play.said.length, 1);
  await play.advance(200);
  assertEquals(play.said.at(-1), 'ping ""');
  // It takes the next message, behind which its answer to the ping may be; a short one says nothing.
  play.output.put("short\n");
  await play.advance(5000);
  play.sent.isBlocked = true;
  play.output.put("long\n");
  await play.advance(20_000);
  play.sent.unblock();
  await play.settle();
  assertEquals(play.calls, []);
  await play.advance(10_100);
  play.output.put("short\n");
  await play.advance(10_100);
  assertEquals(play.said.slice(2), ['text "short"', 'text "long"', 'ping ""', 'text "short"']);
  assertEquals([play.calls, await play.done], [["cut: no answer to a ping", "unwanted"], "Interrupted: cut"]);
});

Deno.test("WebSocketSession reads no more of a client than its program takes, asks it nothing then, and ends one that takes nothing", async () => {
  const play = new Play({ limits: { scriptBodyMs: 60_000, websocketPingMs: 1000 } });
  play.input.isBlocked = true;
  play.client.put(text("waits"), text("too"));
  await play.settle();
  assertEquals(play.client.isWaiting, false);
  await play.advance(10_000);
  assertEquals([play.said, play.calls], [[], []]);
  play.input.unblock();
  await play.settle();
  assertEquals([play.input.text, play.client.isWaiting], ["waits\ntoo\n", true]);

  const deaf = new Play();
  deaf.input.isBlocked = true;
  deaf.client.put(text("waits"));
  await deaf.advance(5200);
  assertEquals([deaf.said, deaf.calls], [["close 1011"], ["end within 2000", "late"]]);
  assertEquals(deaf.log, ["warn Has read nothing of its input for 5000 ms: it is ended"]);
});

Deno.test("WebSocketSession reads no more of a program than its client takes, and ends it when the client is lost", async () => {
  const play = new Play();
  play.sent.isBlocked = true;
  play.output.put("one\n", "two\n", "three\n");
  await play.settle();
  assertEquals(play.output.isWaiting, false);
  play.sent.close();
  await play.settle();
  assert(play.calls[0] === "unwanted" && play.calls[1].startsWith("cut: a write failed"), `${play.calls}`);
  assertEquals(await play.done, "Interrupted: cut");
});

Deno.test("WebSocketSession counts what it holds of a message that is not whole", async () => {
  const play = new Play();
  play.client.put(text("x".repeat(500), { isLast: false }));
  await play.settle();
  assert(play.heldBytes >= 500, `${play.heldBytes}`);
  play.client.put(more(""));
  await play.settle();
  assertEquals(play.heldBytes, 0);
  play.client.put(text("x".repeat(500), { isLast: false }), null);
  await play.done;
  assertEquals(play.heldBytes, 0);
});

Deno.test("WebSocketSession says 1001 when the server stops, and waits for the end of the program", async () => {
  const play = new Play();
  play.drain();
  await play.settle();
  assertEquals([play.said, play.calls, play.input.isClosed], [["close 1001"], ["end within 2000"], false]);
  let isDone = false;
  play.done.then(() => isDone = true);
  play.client.put(text("meanwhile"), closing(code(1001)));
  await play.settle();
  assertEquals([play.input.text, play.input.isClosed, play.calls.length, isDone], ["meanwhile\n", true, 1, false]);
  play.endProcess();
  assertEquals(await play.done, "done");
  // One that does not end is ended.
  const slow = new Play();
  slow.drain();
  slow.client.put(closing(code(1001)));
  await slow.advance(2100);
  assertEquals([slow.calls, await slow.done], [["end within 2000", "unwanted"], "done"]);
});

Deno.test("WebSocketSession ends the program where there is no connection after all, and in stop()", async () => {
  const play = new Play({ isRun: false });
  await play.session.body.close();
  await play.session.outputEnded;
  assertEquals([play.calls, play.session.isAnswered], [["unwanted"], true]);
  const stopped = new Play();
  stopped.session.stop();
  await stopped.settle();
  assertEquals([stopped.calls, stopped.said], [["end within 2000", "late"], ["close 1001"]]);
});
